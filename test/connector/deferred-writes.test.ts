import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyDeferred } from '../../connector/apply-deferred.js';
import { systemClock } from '../../connector/clock.js';
import {
  deferWrites,
  pendingWrites,
  recordPending,
  type DeferredWrites,
} from '../../connector/deferred-writes.js';
import type { DestinationSession, RecordedState } from '../../connector/load/destination.js';
import { createDuckdbDestination } from '../../connector/load/duckdb/destination.js';
import { STREAMS } from '../../schemas/streams.js';
import { INVOICE, MONTH } from '../contract/dataset.js';
import { publishRequest, snapshotOf, TENANT, unbilledRecord, usageRecord } from '../snapshot.js';
import { anyWrites } from './recorded-arbitraries.js';

const LABEL = 'duckdb /data/billing.duckdb dataset csp';
const OCTOBER = { ...MONTH, month: '2026-10' };
const NOTHING: DeferredWrites = {
  at: '2026-11-20T05:00:00.000Z',
  readings: [],
  answers: [],
  nextChecks: [],
  runs: [],
};
/** Each on a database of its own. */
const RUNS = 25;

let folder: string;
let path: string;
let template: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deferred-'));
  path = join(folder, 'unrecorded.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function withSession<T>(file: string, use: (session: DestinationSession) => Promise<T>): Promise<T> {
  const config = { type: 'duckdb', path: file, dataset: 'csp', migrate: 'auto', threads: 1 } as const;
  const destination = createDuckdbDestination(
    { ...config, memory_limit: 128 * 1024 ** 2 },
    {
      path: (relative) => relative,
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 0,
      connectorVersion: '0.0.0-test',
    },
  );
  const session = await destination.open('write');
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** A database with a published invoice, an invoice that is waited for, and a published estimate that both may bill. */
async function makeTemplate(file: string): Promise<void> {
  await withSession(file, async (session) => {
    await session.migrate();
    const pending = { ...INVOICE, invoice: 'G000002' };
    const askedAt = '2026-11-09T05:00:00.000Z';
    await session.recordAnswers([
      { scope: pending, state: 'pending', askedAt, answer: 'no data (5000)', checked: true },
    ]);
    for (const [scope, record] of [
      [INVOICE, usageRecord()],
      [OCTOBER, unbilledRecord({ UsageDate: '2026-10-05T00:00:00Z' })],
    ] as const) {
      const snapshot = await snapshotOf(STREAMS[scope.stream].table, { 'part-1.json.gz': [record] });
      const request = publishRequest(scope, snapshot, {
        loadId: `load-${scope.stream}`,
        eTag: 'e1',
        billingMonth: '2026-10',
        billingMonthFrom: 'manifest',
      });
      await session.publish(request, snapshot.parts);
    }
  });
}

describe('writes that wait for a destination', () => {
  test('come back as they were, in the order of the runs, whatever they were', async () => {
    let sequences = 0;
    await fc.assert(
      fc.asyncProperty(anyWrites, async (writes) => {
        sequences += 1;
        rmSync(path, { force: true });
        for (const one of writes) await deferWrites(folder, LABEL, one);
        expect(await pendingWrites(folder, LABEL)).toEqual({ writes, problem: null });
      }),
    );
    expect(sequences).toBeGreaterThanOrEqual(100);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('are none before anything was deferred, and none of another destination', async () => {
    expect(await pendingWrites(folder, LABEL)).toEqual({ writes: [], problem: null });
    await deferWrites(folder, 'another', NOTHING);
    expect(await pendingWrites(folder, LABEL)).toEqual({ writes: [], problem: null });
    expect((await pendingWrites(folder, 'another')).writes).toEqual([NOTHING]);
  });

  test('that cannot be read are told of and kept, and do not keep others from waiting', async () => {
    writeFileSync(path, '{"version":2}');
    expect(await pendingWrites(folder, LABEL)).toEqual({
      writes: [],
      problem: `${path} is torn, or another version of the connector wrote it`,
    });
    await deferWrites(folder, LABEL, NOTHING);
    expect(await pendingWrites(folder, LABEL)).toEqual({ writes: [NOTHING], problem: null });
    expect(readFileSync(`${path}.unusable`, 'utf8')).toBe('{"version":2}');
  });
});

describe('recording what waited', () => {
  beforeAll(async () => {
    template = mkdtempSync(join(tmpdir(), 'deferred-template-'));
    await makeTemplate(join(template, 'billing.duckdb'));
  });
  afterAll(() => rmSync(template, { recursive: true, force: true }));

  /** What a copy of the template has recorded before and after all that waits was recorded. */
  async function recorded(): Promise<{ before: RecordedState; after: RecordedState; runs: number }> {
    const file = join(folder, 'billing.duckdb');
    copyFileSync(join(template, 'billing.duckdb'), file);
    return await withSession(file, async (session) => {
      const before = await session.readState();
      const runs = await recordPending(folder, LABEL, session);
      return { before, after: await session.readState(), runs };
    });
  }

  test('leaves what planning was told, whatever was deferred, and once is as good as twice', async () => {
    let sequences = 0;
    await fc.assert(
      fc.asyncProperty(anyWrites, fc.boolean(), async (writes, twice) => {
        sequences += 1;
        const repeated = writes.flatMap((one) => (twice ? [one, one] : [one]));
        for (const one of repeated) await deferWrites(folder, LABEL, one);
        const { before, after, runs } = await recorded();
        expect(runs).toBe(repeated.length);
        expect(applyDeferred(before, writes)).toEqual(after);
        expect(readdirSync(folder)).toEqual(['billing.duckdb']);
      }),
      { numRuns: RUNS },
    );
    expect(sequences).toBeGreaterThanOrEqual(RUNS);
  });

  test('closes the month that a list which waited shows to be billed, and planning knows it', async () => {
    const values = { invoice_number: 'G000001', document_type: 'invoice', status: 'active', currency: 'USD' };
    const rowHash = '00000000-0000-0000-0000-000000000001';
    const reading = {
      tenantId: TENANT,
      runId: 'r1',
      loadId: 'list-1',
      readAt: new Date('2026-11-10T05:00:00.000Z'),
      since: null,
      invoices: [{ billingMonth: '2026-10', record: { values, extra: null, rowHash } }],
      correlationId: null,
    };
    await deferWrites(folder, LABEL, { ...NOTHING, readings: [reading] });
    const { before, after } = await recorded();
    const stateOf = ({ scopes }: RecordedState) => scopes.find(({ scope }) => scope.by === 'month')?.state;
    expect([stateOf(before), stateOf(after)]).toEqual(['published', 'superseded']);
    expect(applyDeferred(before, [{ ...NOTHING, readings: [reading] }])).toEqual(after);
  });

  test('learns the month of a note that an earlier reading had not, though the note itself is the same', async () => {
    const values = { invoice_number: 'G000009', document_type: 'credit_note', amends_of: 'G000001' };
    const record = { values, extra: null, rowHash: '00000000-0000-0000-0000-000000000009' };
    const reading = (day: string, billingMonth: string | null) => ({
      ...{ tenantId: TENANT, runId: 'r1', loadId: `list-${day}`, since: '2026-11', correlationId: null },
      readAt: new Date(`2026-11-${day}T05:00:00.000Z`),
      invoices: [{ billingMonth, record }],
    });
    const waiting = [reading('20', null), reading('21', '2026-02')].map((one) => ({
      ...NOTHING,
      at: one.readAt.toISOString(),
      readings: [one],
    }));
    for (const writes of waiting) await deferWrites(folder, LABEL, writes);
    const { before, after } = await recorded();
    const note = after.invoices.find(({ invoice }) => invoice === 'G000009');
    expect(note?.billingMonth).toBe('2026-02');
    expect(applyDeferred(before, waiting)).toEqual(after);
  });

  test('leaves out what the destination knows better by now', async () => {
    const known = { scope: INVOICE, state: null, checked: true } as const;
    const old = { ...known, askedAt: '2026-11-08T05:00:00.000Z', answer: 'old' };
    const at = '2026-11-08T06:00:00.000Z';
    await deferWrites(folder, LABEL, {
      ...NOTHING,
      at,
      answers: [old],
      nextChecks: [{ scope: INVOICE, at: '2026-11-09T05:00:00.000Z' }],
    });
    const { before, after } = await recorded();
    expect(after).toEqual(before);
    expect(applyDeferred(before, [{ ...NOTHING, at, answers: [old] }])).toEqual(before);
  });

  test('goes on where it was interrupted: what is recorded waits no more', async () => {
    const answers = (askedAt: string, answer: string) => [
      { scope: INVOICE, state: null, askedAt, answer, checked: true } as const,
    ];
    await deferWrites(folder, LABEL, { ...NOTHING, answers: answers('2026-11-10T05:00:00.000Z', 'first') });
    await deferWrites(folder, 'another', NOTHING);
    const second = { ...NOTHING, answers: answers('2026-11-11T05:00:00.000Z', 'second') };
    await deferWrites(folder, LABEL, second);
    const file = join(folder, 'billing.duckdb');
    copyFileSync(join(template, 'billing.duckdb'), file);
    await withSession(file, async (session) => {
      let calls = 0;
      const failing: DestinationSession = {
        ...session,
        recordAnswers: async (given) => {
          calls += 1;
          if (calls > 1) throw new Error('the power is gone');
          await session.recordAnswers(given);
        },
      };
      await expect(recordPending(folder, LABEL, failing)).rejects.toThrow('the power is gone');
      expect((await pendingWrites(folder, LABEL)).writes).toEqual([second]);
      expect(await recordPending(folder, LABEL, session)).toBe(1);
      const { scopes } = await session.readState();
      expect(scopes.find(({ scope }) => scope.stream === INVOICE.stream)?.lastAnswer).toBe('second');
    });
    expect((await pendingWrites(folder, 'another')).writes).toEqual([NOTHING]);
  });
});
