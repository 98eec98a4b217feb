import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { DeferredWrites } from '../../connector/deferred-writes.js';
import { SCOPE_STATES, type RecordedState } from '../../connector/load/destination.js';
import type { InvoiceListReading, ListedInvoice } from '../../connector/load/invoice-list-reading.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import { INVOICE_COLUMNS } from '../../schemas/tables/invoices.js';
import { TENANT } from '../snapshot.js';

const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const amount = fc.constantFrom('0', '-1.25', '1234.5678901234567890123456');

/** Few instants, so that some are before, some after what is recorded, and some are the same. */
const instant = fc
  .integer({ min: 0, max: 12 })
  .map((day) => new Date(Date.UTC(2026, 10, 8 + day, 5, 0, 0, day)).toISOString());

const SCOPES: readonly Scope[] = [
  { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' },
  { by: 'invoice', stream: 'billed_usage', invoice: 'G000002' },
  { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' },
  { by: 'month', stream: 'unbilled_usage', month: '2026-10', currency: 'USD' },
  { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'EUR' },
];
const scope = fc.constantFrom(...SCOPES);

const count = fc.nat({ max: 1_000_000_000 });
const snapshot = fc.record({
  loadId: text,
  eTag: text,
  attributeSet: fc.constantFrom('basic', 'full'),
  publishedAt: instant,
  manifestCreatedAt: orNull(instant),
  billingMonth: orNull(fc.constant('2026-10')),
  counts: fc.record({
    blobs: count,
    read: count,
    staged: count,
    rejected: count,
    inserted: count,
    updated: count,
    deleted: count,
    unchanged: count,
    rounded: count,
  }),
  sums: fc.dictionary(fc.constantFrom('USD', 'EUR', 'JPY'), amount, { noNullPrototype: true }),
});

/** A run starts once, with one version. */
const run = fc
  .tuple(
    fc.constantFrom(
      { runId: 'r1', startedAt: '2026-11-08T05:00:00.000Z', connectorVersion: '0.1.0' },
      { runId: 'r3', startedAt: '2026-11-09T05:00:00.007Z', connectorVersion: '0.2.0' },
      { runId: 'r2', startedAt: '2026-11-09T05:00:00.007Z', connectorVersion: '0.2.0' },
      { runId: 'r4', startedAt: '2026-11-10T05:00:00.070Z', connectorVersion: '0.1.0' },
    ),
    fc.record({
      finishedAt: orNull(instant),
      outcome: fc.constantFrom('done', 'half done: “G1”', ''),
      exitCode: orNull(fc.constantFrom(0, 3, 5)),
      counts: fc.constantFrom('{}', '[{"stream": "billed_usage"}]'),
    }),
  )
  .map(([started, ended]) => ({ ...started, ...ended }));

/** Whatever may be recorded, shapes only: nothing in it need fit together. */
export const anyState: fc.Arbitrary<RecordedState> = fc.record({
  tenantId: orNull(fc.constant(TENANT)),
  scopes: fc.array(
    fc.record({
      scope,
      state: fc.constantFrom(...SCOPE_STATES),
      firstAskedAt: orNull(instant),
      lastAskedAt: orNull(instant),
      lastCheckedAt: orNull(instant),
      lastAnswer: orNull(text),
      nextCheckAt: orNull(instant),
      allowedEmptyAt: orNull(instant),
      firstManifestAt: orNull(instant),
      snapshot: orNull(snapshot),
    }),
    { maxLength: 4 },
  ),
  invoices: fc.array(
    fc.record({
      invoice: text,
      amendsOf: orNull(text),
      documentType: orNull(text),
      status: orNull(text),
      invoiceDate: orNull(instant),
      billingMonth: orNull(fc.constant('2026-10')),
      currency: orNull(fc.constant('USD')),
      totalCharges: orNull(amount),
      rowHash: text,
    }),
    { maxLength: 4 },
  ),
  invoiceListReadAt: orNull(instant),
  agreements: fc.array(
    fc.record({ invoice: text, agrees: orNull(fc.boolean()), usageLines: orNull(count) }),
    { maxLength: 3 },
  ),
  signOffs: fc.array(
    fc.record({
      invoice: text,
      signedBy: text,
      signedAt: instant,
      despite: orNull(text),
      changes: fc.array(
        fc.record({
          of: text,
          what: fc.constantFrom('restated', 'added', 'gone', 'amended'),
          moved: fc.dictionary(fc.constantFrom('USD', 'EUR'), amount),
        }),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  ),
  lastRun: orNull(run),
});

const listed: fc.Arbitrary<ListedInvoice> = fc
  .record({
    invoice_number: fc.constantFrom('G000001', 'G000002', 'G000003', 'D7'),
    amends_of: fc.constantFrom(null, null, 'G000001', 'G000003'),
    document_type: fc.constantFrom('invoice', 'credit_note', null),
    status: fc.constantFrom('active', 'void'),
    invoice_date: fc.constantFrom('2026-02-08T00:00:00.000000', '2026-11-08T07:13:00.250000', null),
    currency: fc.constantFrom('USD', 'EUR'),
    total_charges: orNull(amount),
  })
  .chain((some) => fc.record({ some: fc.constant(some), month: fc.constantFrom('2026-10', '2026-11', null) }))
  .map(({ some, month }) => {
    const given: Readonly<Record<string, string | null>> = some;
    const values = Object.fromEntries(INVOICE_COLUMNS.map(({ name }) => [name, given[name] ?? null]));
    const digest = createHash('md5')
      .update(JSON.stringify([values, month]))
      .digest('hex');
    const rowHash = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return { billingMonth: month, record: { values, extra: null, rowHash } };
  });

const reading: fc.Arbitrary<Omit<InvoiceListReading, 'loadId'>> = fc.record({
  tenantId: fc.constant(TENANT),
  runId: fc.constantFrom('r1', 'r2'),
  readAt: instant.map((at) => new Date(at)),
  since: fc.constantFrom(null, '2026-03'),
  invoices: fc.uniqueArray(listed, { maxLength: 4, selector: (one) => one.record.values['invoice_number'] }),
  correlationId: orNull(fc.constant('c-1')),
});

const answer = fc.record(
  {
    scope,
    state: fc.constantFrom(null, null, 'pending', 'no data'),
    askedAt: instant,
    answer: fc.constantFrom('unchanged', 'no data (5000)'),
    checked: fc.boolean(),
    allowedEmpty: fc.boolean(),
  },
  { requiredKeys: ['scope', 'state', 'askedAt', 'answer', 'checked'] },
);

const entry = fc.record({
  at: instant,
  readings: fc.array(reading, { maxLength: 1 }),
  // A run has one answer for a scope.
  answers: fc.uniqueArray(answer, { maxLength: 4, selector: (one) => scopeLabel(one.scope) }),
  nextChecks: fc.array(fc.record({ scope, at: orNull(instant) }), { maxLength: 3 }),
  runs: fc.array(run, { maxLength: 2 }),
});

/** What several runs could not record; each reading has a load id of its own. */
export const anyWrites: fc.Arbitrary<readonly DeferredWrites[]> = fc
  .array(entry, { minLength: 1, maxLength: 4 })
  .map((entries) =>
    entries.map((one, index) => ({
      ...one,
      readings: one.readings.map((read) => ({ ...read, loadId: `list-${index}` })),
    })),
  );
