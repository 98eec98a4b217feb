import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../connector/clock.js';
import type { FaultSetting, Sandbox } from '../../../connector/sandbox/sandbox.js';
import { runCli, type CliResult } from '../cli-io.js';
import { NOW, small } from '../sandbox/sandbox-client.js';

let sandbox: Sandbox;
let cwd = '';
beforeAll(async () => {
  sandbox = await small();
  cwd = mkdtempSync(join(tmpdir(), 'check-invoices-'));
});
afterAll(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => {
  sandbox.setFaults([]);
  sandbox.clearRequests();
});

/** Waits end at once: a check that retries gives up as soon as its time would be over. */
function impatient(): Clock {
  let now = 0;
  return {
    now: () => NOW,
    monotonicMs: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
}

async function check(
  streams: Record<string, unknown>,
  faults: readonly FaultSetting[] = [],
  auth: Record<string, unknown> = {},
): Promise<CliResult> {
  const own = {
    billed_reconciliation: null,
    unbilled_usage: null,
    unbilled_reconciliation: null,
    ...streams,
  };
  writeFileSync(join(cwd, 'connector.yaml'), sandbox.configuration({ streams: own, source: { auth } }));
  sandbox.setFaults(faults);
  return await runCli(['check'], { cwd, clock: impatient() });
}

const DISCOVER = { billed_usage: { invoices: 'discover' } };
const LIST = 'invoice list of Partner Center at http://127\\.0\\.0\\.1:\\d+/v1';

describe('check of the invoice list', () => {
  it('reads it with the token that is meant for it', async () => {
    const { out, exitCode } = await check(DISCOVER);
    expect(out).toMatch(new RegExp(`^ok {10}${LIST}: read: it names 6 documents$`, 'm'));
    expect(exitCode).toBe(0);
    expect(sandbox.requests.filter(({ kind }) => kind === 'invoices')).toHaveLength(1);
  });

  it('is not made where every stream lists its ids', async () => {
    const { out } = await check({ billed_usage: { invoices: ['G016907411'] } });
    expect(out).toContain('Graph at');
    expect(out).not.toContain('Partner Center');
    expect(sandbox.requests.filter(({ kind }) => kind === 'invoices')).toEqual([]);
  });

  it.each([
    ['2026-11', '2026-12', /^ok .*it names 6 documents from 2026-11 on$/m],
    [
      '2027-01',
      '2026-12',
      /^not proven .*permitted, but the list is empty from 2026-12 on: an indirect reseller/m,
    ],
  ])('asks from the earliest month of the streams on: %s and %s', async (usage, lines, line) => {
    const { out, exitCode } = await check({
      billed_usage: { invoices: 'discover', since: usage },
      billed_reconciliation: { invoices: 'discover', since: lines },
    });
    expect(out).toMatch(line);
    expect(exitCode).toBe(0);
  });

  it('tells an indirect reseller, whose list is empty, that there is no such data', async () => {
    const { out, exitCode } = await check(DISCOVER, ['invoices-empty']);
    expect(out).toMatch(
      new RegExp(
        `^not proven {2}${LIST}: permitted, but the list is empty: an indirect reseller has no such data`,
        'm',
      ),
    );
    expect(exitCode).toBe(0);
  });

  it.each<[FaultSetting, number, RegExp]>([
    [
      'invoices-403',
      2,
      /^failed .*403, 900329.*the right to read invoices at Partner Center is missing; .*or list ids by hand/m,
    ],
    ['invoices-401', 2, /^failed .*401, 900420.*another audience.*or list ids by hand/m],
    ['invoices-500', 3, /^failed .*500, 2000.*given up/m],
    ['invoices-total-count', 2, /^failed .*there are 7 documents, but names 6/m],
  ])('with %s fails with exit %d and what to do', async (fault, code, line) => {
    const { out, exitCode } = await check(DISCOVER, [fault]);
    expect(out).toMatch(line);
    expect(exitCode).toBe(code);
  });

  it('without a token for Partner Center says which one', async () => {
    const { out, exitCode } = await check(DISCOVER, [], { partner_center_token: null });
    expect(out).toMatch(
      /^failed .*source\.auth\.partner_center_token is not set; set it, or list ids by hand/m,
    );
    expect(exitCode).toBe(2);
    expect(sandbox.requests.filter(({ kind }) => kind === 'invoices')).toEqual([]);
  });
});
