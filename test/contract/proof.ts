import { expect, test } from 'vitest';
import type { ParsedPart } from '../../schemas/batch.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { publishRequest, snapshotOf, unbilledRecord, usageRecord, type Snapshot } from '../snapshot.js';
import { Dataset, failure, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

const OTHER_TENANT = '99999999-4574-4539-bc42-0e539b9684c0';

/** What keeps a snapshot from being published; the published one stays whole. */
export function describeProof(database: () => ContractDatabase): void {
  test('a snapshot whose blobs are not the listed ones, whole and as downloaded, is refused and the old one stays whole', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const before = await dataset.everything();
    const snapshot = await snapshotOf(BILLED_USAGE, {
      a: [usageRecord({ Quantity: '3' })],
      b: [usageRecord()],
    });
    const [a, b] = snapshot.blobs;
    if (a === undefined || b === undefined) throw new Error('two blobs were made');
    const missing = { name: 'c', bytes: 1, sha256: 'x' };
    const broken: [Snapshot['blobs'], string][] = [
      [[a], 'blob b is not in the manifest'],
      [[a, b, missing], 'blob c was not read to its end'],
      [[a, { ...b, bytes: b.bytes + 1 }], 'blob b is not what was downloaded'],
      [[a, { ...b, sha256: a.sha256 }], 'blob b is not what was downloaded'],
    ];
    for (const [blobs, message] of broken) {
      const error = await failure(dataset.publishSnapshot(INVOICE, { ...snapshot, blobs }));
      expect(error).toMatchObject({ kind: 'integrity', facts: { rule: 'blobs' } });
      expect(error.message).toContain(message);
    }
    expect(await dataset.everything()).toBe(before);
  });

  test('a blob that ends without its counts, or fails in the middle, leaves nothing behind', async () => {
    const dataset = await Dataset.migrated(database());
    const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ MeterId: 'x' }), usageRecord()] }, 1);
    const before = await dataset.everything();
    const uncounted = await failure(dataset.publishSnapshot(INVOICE, without(snapshot, 'counts')));
    expect(uncounted).toMatchObject({ kind: 'integrity', facts: { rule: 'blobs', blob: 'a' } });
    const lost = await failure(dataset.publishSnapshot(INVOICE, without(snapshot, 'batch')));
    expect(lost).toMatchObject({ kind: 'system', facts: { rule: 'counts' } });
    const failing: Snapshot = {
      blobs: snapshot.blobs,
      parts: async function* () {
        for await (const part of snapshot.parts()) {
          yield part;
          if (part.kind === 'batch') throw new RangeError('the parser died');
        }
      },
    };
    expect((await failure(dataset.publishSnapshot(INVOICE, failing))).message).toContain('the parser died');
    expect(await dataset.everything()).toBe(before);
    expect((await dataset.publishSnapshot(INVOICE, snapshot)).counts).toMatchObject({ inserted: 2 });
  });

  test('more rejected records than the limit refuse the snapshot; within it they are kept beside the data', async () => {
    const dataset = await Dataset.migrated(database());
    const bad = '{"InvoiceNumber":"G000001","BillingCurrency":"USD","BillingPreTaxTotal":"a\\tlot"}';
    const records = [usageRecord(), bad, ...Array.from({ length: 8 }, () => usageRecord({ MeterId: null }))];
    const error = await dataset.refused(INVOICE, records);
    expect(error).toMatchObject({ kind: 'data', exitCode: 4, facts: { read: 10, rejected: 1, limit: '0' } });
    expect(error.message).toContain('BillingPreTaxTotal');
    expect(error.message).not.toContain('lot');
    expect((await dataset.refused(INVOICE, records, { rejectedLimit: '9.99%' })).kind).toBe('data');
    const result = await dataset.publish(INVOICE, records, { rejectedLimit: '10%' });
    expect(result.counts).toMatchObject({ read: 10, staged: 9, rejected: 1 });
    const kept = await dataset.rows('SELECT * FROM {d}._rejected_records');
    expect(kept).toMatchObject([{ stream: 'billed_usage', scope: 'G000001', line_number: '2', line: bad }]);
  });

  test('records of another partner tenant, or of a dataset bound to another, need a person; none at all are counted', async () => {
    const dataset = await Dataset.migrated(database());
    const records = [usageRecord(), usageRecord({ PartnerId: OTHER_TENANT })];
    expect(await dataset.refused(INVOICE, records)).toMatchObject({
      kind: 'config',
      facts: { rule: 'tenant' },
    });
    const upper = usageRecord({ PartnerId: String(usageRecord()['PartnerId']).toUpperCase() });
    await dataset.publish(INVOICE, [upper, usageRecord({ PartnerId: null })]);
    const proof = JSON.parse((await dataset.value('SELECT proof FROM {d}._snapshots')) ?? '') as object;
    expect(proof).toMatchObject({ records_staged: 2, records_without_tenant: 1 });
    const bound = await dataset.refused({ ...INVOICE, invoice: 'G2' }, [], { tenantId: OTHER_TENANT });
    expect(bound).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(bound.message).toContain('belongs to partner tenant');
  });

  test('records of other invoices are named, five at most, and refuse the snapshot', async () => {
    const dataset = await Dataset.migrated(database());
    const others = Array.from({ length: 7 }, (_, index) => usageRecord({ InvoiceNumber: `X${index}` }));
    const error = await dataset.refused(INVOICE, [
      usageRecord(),
      ...others,
      usageRecord({ InvoiceNumber: 'X1' }),
    ]);
    expect(error).toMatchObject({ kind: 'integrity', exitCode: 6, facts: { rule: 'invoice' } });
    expect(error.message).toMatch(/X1 \(2\), X0 \(1\), X2 \(1\), X3 \(1\), X4 \(1\)$/);
    expect(await dataset.value('SELECT count(*) FROM {d}.billed_usage')).toBe('0');
  });

  test('unbilled records in another currency, or mostly of another month, refuse the snapshot', async () => {
    const dataset = await Dataset.migrated(database());
    const euro = await dataset.refused(MONTH, [unbilledRecord(), unbilledRecord({ BillingCurrency: 'EUR' })]);
    expect(euro).toMatchObject({ kind: 'integrity', facts: { rule: 'currency' } });
    const before = unbilledRecord({ UsageDate: '2026-10-31T00:00:00Z' });
    const october = await dataset.refused(MONTH, [before, before, unbilledRecord()]);
    expect(october).toMatchObject({ kind: 'integrity', facts: { rule: 'month', month: '2026-10' } });
    const result = await dataset.publish(MONTH, [
      before,
      unbilledRecord(),
      unbilledRecord({ BillingCurrency: 'usd' }),
    ]);
    expect(result.counts.inserted).toBe(3);
    expect((await dataset.publish(MONTH, [unbilledRecord({ BillingCurrency: 'usd' })])).counts.deleted).toBe(
      2,
    );
  });

  test('an empty export is published where nothing is, refused over rows, and allowed by name', async () => {
    const dataset = await Dataset.migrated(database());
    expect((await dataset.publish(INVOICE, [])).counts).toMatchObject({ read: 0, inserted: 0 });
    await dataset.publish(INVOICE, [usageRecord()]);
    await dataset.publish(MONTH, [unbilledRecord()]);
    for (const scope of [INVOICE, MONTH]) {
      expect(await dataset.refused(scope, [])).toMatchObject({ kind: 'integrity', facts: { rule: 'empty' } });
    }
    expect((await dataset.publish(INVOICE, [], { allowEmpty: true })).counts).toMatchObject({ deleted: 1 });
    expect(await dataset.value('SELECT count(*) FROM {d}.billed_usage_history')).toBe('1');
  });

  test('basic over full is refused unless it is allowed by name', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const basic = { attributeSet: 'basic' } as const;
    expect(await dataset.refused(INVOICE, [usageRecord({ MeterId: null })], basic)).toMatchObject({
      kind: 'config',
    });
    await dataset.publish(INVOICE, [usageRecord({ MeterId: null })], { ...basic, allowBasicOverFull: true });
    expect(await dataset.value('SELECT _change FROM {d}.billed_usage_history')).toBe('reloaded');
  });

  test('an error in the very last step of a publish leaves nothing of it', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const before = await dataset.everything();
    const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ Quantity: '8' })] });
    // The load id is taken, so that the snapshot's row, written last, is refused by the database.
    const request = publishRequest(INVOICE, snapshot, { loadId: 'l1', eTag: 'other' });
    await failure(dataset.write((session) => session.publish(request, snapshot.parts)));
    expect(await dataset.everything()).toBe(before);
  });
}

function without(snapshot: Snapshot, kind: ParsedPart['kind']): Snapshot {
  let skipped = false;
  return {
    blobs: snapshot.blobs,
    parts: async function* () {
      for await (const part of snapshot.parts()) {
        if (part.kind === kind && !skipped) skipped = true;
        else yield part;
      }
      skipped = false;
    },
  };
}
