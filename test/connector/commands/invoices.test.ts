import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../connector/clock.js';
import type { InvoiceRow } from '../../../connector/invoices-text.js';
import type { Sandbox } from '../../../connector/sandbox/sandbox.js';
import { runCli, type CliResult } from '../cli-io.js';
import { NOW, small } from '../sandbox/sandbox-client.js';

let sandbox: Sandbox;
let cwd = '';
beforeAll(async () => {
  sandbox = await small({ usageRows: 40, reconciliationRows: 20, blobs: 1, retryAfterSeconds: 0 });
  cwd = mkdtempSync(join(tmpdir(), 'invoices-'));
  const { token: GRAPH_TOKEN, partnerCenterToken: PARTNER_CENTER_TOKEN } = sandbox;
  env = { GRAPH_TOKEN, PARTNER_CENTER_TOKEN };
  const auth = { token: '${env:GRAPH_TOKEN}', partner_center_token: '${env:PARTNER_CENTER_TOKEN}' };
  const discover = { invoices: 'discover' };
  const streams = {
    ...{ billed_usage: discover, billed_reconciliation: discover },
    ...{ unbilled_usage: null, unbilled_reconciliation: null },
  };
  writeFileSync(join(cwd, 'connector.yaml'), sandbox.configuration({ source: { auth }, streams }));
});
afterAll(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => {
  sandbox.setFaults([]);
  sandbox.clearRequests();
});

let env: NodeJS.ProcessEnv = {};

/** It is noon of the sandbox's day; waits end at once, and are over when a deadline is. */
function quickClock(): Clock {
  let waited = 0;
  return {
    now: () => NOW,
    monotonicMs: () => waited,
    sleep: (ms) => {
      waited += ms;
      return Promise.resolve();
    },
  };
}

const run = (...argv: string[]): Promise<CliResult> => runCli(argv, { cwd, env, clock: quickClock() });

interface Printed {
  readonly listReadAt: string | null;
  readonly invoices: readonly InvoiceRow[];
}
const printed = ({ out }: CliResult) => JSON.parse(out) as Printed;
const of = ({ invoices }: Printed, invoice: string) => invoices.find((row) => row.invoice === invoice);

const ORDER = [
  ...['G016907411', 'G716907411', 'G016907412', 'G916907411', 'G816907411'],
  ...['D02005YFHI', 'D0200607KM', 'D0200711QX'],
];

describe('invoices before any run', () => {
  it('says that the list was never read and how to read it, and asks nobody', async () => {
    const { out, err, exitCode } = await run('invoices');
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^the invoice list was never read: .*`partner-billing invoices --live` shows it now$/m,
    );
    expect(printed(await run('invoices', '--json'))).toEqual({ listReadAt: null, invoices: [] });
    expect(sandbox.requests).toEqual([]);
  });

  it('shows the list as it is now with --live, and records nothing of it', async () => {
    const live = printed(await run('invoices', '--live', '--json'));
    expect(live.listReadAt).toBe(NOW.toISOString());
    expect(live.invoices.map(({ invoice }) => invoice).sort()).toEqual([...ORDER].sort());
    expect(new Set(sandbox.requests.map(({ kind }) => kind))).toEqual(new Set(['invoices']));
    expect(of(live, 'G016907411')?.loaded.billed_usage.state).toBe('not asked for');
    expect(printed(await run('invoices', '--json')).invoices).toEqual([]);
  });
});

describe('invoices after a run', () => {
  beforeAll(async () => {
    sandbox.setFaults([]);
    expect((await run('sync', '--quiet')).exitCode).toBe(0);
  });

  it('prints each document with its amendments below it, and what is loaded of it', async () => {
    const { out, err, exitCode } = await run('invoices');
    expect([exitCode, err]).toEqual([0, '']);
    const [head, , titles, ...rows] = out.trimEnd().split('\n');
    expect(head).toBe(`invoice list as of ${NOW.toISOString()}: 8 documents`);
    expect(titles?.trim().split(/ {2,}/)).toEqual([
      ...['invoice', 'date', 'month', 'type', 'status', 'total'],
      ...['billed_usage', 'billed_reconciliation', 'agree'],
    ]);
    expect(rows).toHaveLength(ORDER.length);
    const row = (invoice: string) => rows.find((line) => line.trim().startsWith(invoice)) ?? '';
    const [usage, lines] = (['billed_usage', 'billed_reconciliation'] as const).map((stream) =>
      sandbox.expected({ stream, invoice: 'G016907411' }),
    );
    expect(row('G016907411').split(/ {2,}/)).toEqual([
      ...['G016907411', '2026-11-08', '2026-10', 'invoice', 'active'],
      ...[sandbox.totalCharges('G016907411'), 'USD'],
      `published, ${usage?.records} records, USD ${usage?.sums['USD']}`,
      `published, ${lines?.records} records, USD ${lines?.sums['USD']}`,
      'yes',
    ]);
    const note = rows.indexOf(row('G716907411'));
    expect(rows[note - 1]).toMatch(/^G016907411 /);
    expect(rows[note]).toMatch(/^ {2}G716907411 .* adjustment_note .* -12\.5 +USD +no data +no data$/);
    expect(row('D02005YFHI')).toMatch(/ 820\.4 .*legacy: Graph has no data/);
    expect(sandbox.requests).toEqual([]);
  });

  it('prints the same as one JSON document, amounts as exact texts', async () => {
    const { out, exitCode } = await run('invoices', '--json');
    expect(exitCode).toBe(0);
    const list = JSON.parse(out) as Printed;
    const { records, sums } = sandbox.expected({ stream: 'billed_usage', invoice: 'G016907412' });
    expect(of(list, 'G016907412')).toMatchObject({
      ...{ amendsOf: null, documentType: 'invoice', status: 'active', currency: 'EUR' },
      ...{ invoiceDate: '2026-11-08T00:00:00.000Z', billingMonth: '2026-10' },
      totalCharges: sandbox.totalCharges('G016907412'),
      loaded: { billed_usage: { state: 'published', records, sums } },
      agrees: true,
    });
    expect(of(list, 'G816907411')).toMatchObject({ amendsOf: 'G916907411', totalCharges: '-1234.56' });
    for (const { totalCharges } of list.invoices) expect(typeof totalCharges).toBe('string');
    expect(out.trimEnd()).not.toContain('\n');
  });

  it('does not fail where the list cannot be read now: it is asked only with --live', async () => {
    sandbox.setFaults(['invoices-403']);
    expect((await run('invoices')).exitCode).toBe(0);
    const failed = await run('invoices', '--live');
    expect([failed.exitCode, failed.out]).toEqual([2, '']);
    expect(failed.err).toMatch(/^error: .*the right to read invoices at Partner Center is missing$/m);
    expect(failed.err).toMatch(/^hint: .*list ids by hand instead/m);
    sandbox.setFaults(['invoices-500']);
    const unwell = await run('invoices', '--live');
    expect([unwell.exitCode, unwell.out]).toEqual([3, '']);
  });

  it('says so where the list is empty now, and shows what is recorded', async () => {
    sandbox.setFaults(['invoices-empty']);
    const empty = await run('invoices', '--live');
    expect(empty.exitCode).toBe(0);
    expect(empty.err).toMatch(/^warning: the invoice list is empty; what is recorded of it is kept/m);
    expect(empty.out).toMatch(/8 documents/);
  });
});
