import { expect, test } from 'vitest';
import { verifyScope, type ScopeVerdict } from '../../connector/verify-scope.js';
import { proofSha256 } from '../../connector/load/stored-proof.js';
import { NO_ROWS, rowsDigestText } from '../../schemas/rows-digest.js';
import type { Scope } from '../../schemas/scope.js';
import { lineRecord, snapshotOf, unbilledRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { Dataset, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

const signal = new AbortController().signal;

function verified(dataset: Dataset, scope: Scope = INVOICE): Promise<ScopeVerdict> {
  return dataset.read((session) => verifyScope(session, scope, signal));
}

/** What is found, without the rows: `what: message` of each difference. */
function told({ outcome, differences }: ScopeVerdict): readonly string[] {
  return [outcome, ...differences.map(({ what }) => what)];
}

const RECORDS: readonly SourceRecord[] = [
  usageRecord({ MeterId: 'a', BillingPreTaxTotal: '1.10' }),
  usageRecord({ MeterId: 'b', BillingPreTaxTotal: '-2', Zeta: [1, { x: 1.5 }], Alpha: null }),
  usageRecord({ MeterId: 'c', BillingPreTaxTotal: '3', BillingCurrency: 'EUR' }),
  usageRecord({ MeterId: 'twin' }),
  usageRecord({ MeterId: 'twin' }),
];

/** What is published can be checked again, and what somebody changed since is found and named. */
export function describeVerify(database: () => ContractDatabase): void {
  const published = async (records = RECORDS): Promise<Dataset> => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, records);
    return dataset;
  };
  const keyOf = async (dataset: Dataset, where: string) => {
    const sql = `SELECT line_item_key, line_item_occurrence FROM {d}.billed_usage WHERE ${where}`;
    return (await dataset.rows(`${sql} ORDER BY 1, 2`)).map((row) => ({
      lineItemKey: row['line_item_key'] ?? '',
      occurrence: Number(row['line_item_occurrence']),
    }));
  };

  test('a publish stores its proof, and what it published is proven from the tables', async () => {
    const dataset = await published();
    const verdict = await verified(dataset);
    expect(verdict).toMatchObject({ outcome: 'proven', reason: '', differences: [], loadId: 'l1', rows: 5 });
    expect(verdict.sums).toEqual({ EUR: '3', USD: '1.1' });
    const proof = await dataset.read((session) => session.readProof(INVOICE));
    expect(proof?.document).toMatchObject({
      proof_version: 1,
      stream: 'billed_usage',
      scope: 'G000001',
      operation_id: 'operation-1',
      manifest_id: 'manifest-1',
      manifest_created_at: '2026-11-08T10:00:00.000Z',
      published_at: '2026-11-09T12:00:00.000Z',
      etag: 'e1',
      attribute_set: 'full',
      table_version: 1,
      connector_version: '0.0.0-test',
      records_read: 5,
      records_staged: 5,
      records_rejected: 0,
      sums: [
        { currency: 'EUR', sum: '3' },
        { currency: 'USD', sum: '1.1' },
      ],
      rows_digest: verdict.rowsDigest,
    });
    const [blob] = proof?.document.blobs ?? [];
    expect(blob).toMatchObject({ name: 'part-1.json.gz', records_read: 5, records_rejected: 0 });
    expect(blob?.unknown_fields).toEqual([
      { field: 'Alpha', records: 1 },
      { field: 'Zeta', records: 1 },
    ]);
    expect(blob?.inflated_bytes).toBeGreaterThan(1000);
    expect(proof && proofSha256(proof.document)).toBe(proof?.sha256);
  });

  test('every kind of record is proven: rounded numbers, hostile texts, dates, basic, lines, months, none at all', async () => {
    const dataset = await Dataset.migrated(database());
    const others: Scope[] = [2, 3, 4].map((number) => ({ ...INVOICE, invoice: `G${number}` }));
    const [rounded = INVOICE, basic = INVOICE, empty = INVOICE] = others;
    const odd = {
      UnitPrice: '0.00000000000000000000015',
      Tags: 'tab\t{"a":"\\N"} 😀 \u001b[31m',
      ChargeStartDate: '1969-12-31T23:59:59.9999991Z',
      'Odd "name" \\ é': 'x',
    };
    const line = '{"InvoiceNumber":"G2","BillingCurrency":"USD","BillingPreTaxTotal":1.10,"Quantity":1e-30}';
    await dataset.inOneSession(async () => {
      await dataset.publish(rounded, [usageRecord({ InvoiceNumber: 'G2', ...odd }), line]);
      const few = usageRecord({ InvoiceNumber: 'G3', MeterId: null, UnitPrice: null });
      await dataset.publish(basic, [few], { attributeSet: 'basic' });
      await dataset.publish(empty, []);
      await dataset.publish(MONTH, [unbilledRecord(), unbilledRecord({ BillingCurrency: 'usd' })]);
      await dataset.publish({ ...INVOICE, stream: 'billed_reconciliation' }, [lineRecord(), lineRecord()]);
    });
    const scopes = [...others, MONTH, { ...INVOICE, stream: 'billed_reconciliation' } as const];
    const verdicts = await dataset.read(async (session) => {
      const found: ScopeVerdict[] = [];
      for (const scope of scopes) found.push(await verifyScope(session, scope, signal));
      return found;
    });
    expect(verdicts.map(({ outcome, rows, differences }) => ({ outcome, rows, differences }))).toEqual(
      [2, 1, 0, 2, 2].map((rows) => ({ outcome: 'proven', rows, differences: [] })),
    );
    expect(verdicts[2]?.rowsDigest).toBe(rowsDigestText(NO_ROWS));
    expect(await dataset.value("SELECT numbers_rounded FROM {d}._snapshots WHERE scope = 'G2'")).toBe('2');
  });

  test('a changed cell is found: by how much, and in which row', async () => {
    const dataset = await published();
    const changed = await keyOf(dataset, "meter_id = 'a'");
    await dataset.byHand("UPDATE {d}.billed_usage SET billing_pre_tax_total = 1.11 WHERE meter_id = 'a'");
    const verdict = await verified(dataset);
    expect(told(verdict)).toEqual(['differs', 'sum', 'row hash', 'digest']);
    const [sum, row] = verdict.differences;
    expect(sum).toMatchObject({ expected: '1.1 USD', found: '1.11 USD' });
    expect(sum?.message).toContain('+0.01 USD');
    expect(row).toMatchObject({ found: '1', keys: changed });
  });

  test('a change to what is not summed, to _extra or to a key is found too', async () => {
    for (const [change, what] of [
      ["customer_name = 'Fabrikam'", ['row hash', 'digest']],
      ['_extra = \'{"zeta":1}\'', ['row hash', 'digest']],
      ["usage_date = DATE '2026-10-06'", ['row hash', 'line item key', 'digest']],
      ["line_item_key = '00000000-0000-0000-0000-000000000001'", ['line item key']],
      ["_row_hash = '00000000-0000-0000-0000-000000000001'", ['row hash']],
    ] as const) {
      const dataset = await published();
      await dataset.byHand(`UPDATE {d}.billed_usage SET ${change} WHERE meter_id = 'b'`);
      const verdict = await verified(dataset);
      expect(told(verdict)).toEqual(['differs', ...what]);
      expect(verdict.differences[0]?.keys).toEqual(await keyOf(dataset, "meter_id = 'b'"));
    }
  });

  test('two values that changed places leave every sum as it was, and both rows are named', async () => {
    const dataset = await published();
    const both = await keyOf(dataset, "meter_id IN ('a', 'b')");
    await dataset.byHand(
      `UPDATE {d}.billed_usage SET billing_pre_tax_total = CASE meter_id WHEN 'a' THEN -2 ELSE 1.1 END
       WHERE meter_id IN ('a', 'b')`,
    );
    const verdict = await verified(dataset);
    expect(told(verdict)).toEqual(['differs', 'row hash', 'digest']);
    expect([...(verdict.differences[0]?.keys ?? [])].sort(byKey)).toEqual(both);
  });

  test('a lost row is told by its hash, and one of twins that was lost or added by what is like it', async () => {
    const dataset = await published();
    const lost = await dataset.value("SELECT _row_hash FROM {d}.billed_usage WHERE meter_id = 'c'");
    await dataset.byHand("DELETE FROM {d}.billed_usage WHERE meter_id = 'c'");
    const gone = await verified(dataset);
    expect(told(gone)).toEqual(['differs', 'rows', 'sum', 'digest']);
    expect(gone.differences[0]).toMatchObject({ message: '1 row too few', expected: '5', found: '4' });
    expect(gone.differences[2]?.message).toBe(`the row with _row_hash ${lost ?? ''} is missing`);

    const fewer = await published();
    const twins = await keyOf(fewer, "meter_id = 'twin'");
    await fewer.byHand("DELETE FROM {d}.billed_usage WHERE meter_id = 'twin' AND line_item_occurrence = 2");
    const missing = await verified(fewer);
    expect(missing.differences.at(-1)).toMatchObject({
      what: 'digest',
      keys: [{ ...twins[0], scope: 'G000001' }],
    });

    const more = await published();
    await more.byHand(
      `CREATE TABLE {d}.copied AS SELECT * FROM {d}.billed_usage WHERE meter_id = 'twin' AND line_item_occurrence = 1`,
    );
    await more.byHand('UPDATE {d}.copied SET line_item_occurrence = 3');
    await more.byHand('INSERT INTO {d}.billed_usage SELECT * FROM {d}.copied');
    const added = await verified(more);
    expect(told(added)).toEqual(['differs', 'rows', 'sum', 'digest']);
    expect(added.differences[0]?.message).toBe('1 row too many');
    expect(added.differences.at(-1)?.message).toContain('is one too many');
    expect(added.differences.at(-1)?.keys.map(({ occurrence }) => occurrence)).toEqual([1, 2, 3]);
  });

  test('a row that was moved to another scope is missing here, found there, and nobody else asked for it', async () => {
    const dataset = await published();
    await dataset.byHand("UPDATE {d}.billed_usage SET invoice_number = 'G9' WHERE meter_id = 'a'");
    const [moved] = await keyOf(dataset, "meter_id = 'a'");
    const verdict = await verified(dataset);
    expect(told(verdict)).toEqual(['differs', 'rows', 'sum', 'digest']);
    expect(verdict.differences.at(-1)?.keys).toEqual([{ ...moved, scope: 'G9' }]);
    const stray = await dataset.read((session) => session.readStrayRows('billed_usage'));
    expect(stray).toEqual({ rows: 1, keys: [{ ...moved, scope: 'G9' }] });
    const nobody = await dataset.read((session) => session.readStrayRows('unbilled_usage'));
    expect(nobody).toEqual({ rows: 0, keys: [] });
    const other = await verified(dataset, { ...INVOICE, invoice: 'G9' });
    expect(other).toMatchObject({ outcome: 'differs', rows: 1 });
    const none = await verified(dataset, { ...INVOICE, invoice: 'G10' });
    expect(none).toMatchObject({ outcome: 'not checked', reason: 'nothing is published' });
  });

  test('what is recorded of a snapshot cannot be changed unseen, nor its digest removed', async () => {
    for (const change of [
      "UPDATE {d}._snapshots SET etag = 'x'",
      "UPDATE {d}._blobs SET sha256 = 'x'",
      'UPDATE {d}._blobs SET inflated_bytes = inflated_bytes + 1',
      'UPDATE {d}._snapshots SET proof_sha256 = NULL',
      'UPDATE {d}._snapshots SET rows_digest = NULL, proof_sha256 = NULL',
      'UPDATE {d}._snapshots SET proof_version = NULL, proof_sha256 = NULL',
    ]) {
      const dataset = await published();
      await dataset.byHand(change);
      expect(told(await verified(dataset))).toEqual(['differs', 'proof']);
    }
    const dataset = await published();
    await dataset.byHand("UPDATE {d}._snapshots SET rows_digest = 'none', records_staged = 6");
    expect(told(await verified(dataset))).toEqual([
      'differs',
      ...Array<string>(3).fill('proof'),
      'rows',
      'digest',
    ]);
  });

  test('a restated snapshot with accepted notes and rejected records is proven as it stands', async () => {
    const dataset = await published();
    const bad = '{"InvoiceNumber":"G000001","BillingCurrency":"USD","BillingPreTaxTotal":"a lot"}';
    const note = usageRecord({ InvoiceNumber: 'C1', BillingPreTaxTotal: '-1' });
    const snapshot = await snapshotOf(BILLED_USAGE, {
      a: [...RECORDS.slice(1), note],
      b: [bad, usageRecord()],
    });
    await dataset.publishSnapshot(INVOICE, snapshot, { acceptInvoiceNumbers: ['C1'], rejectedLimit: 1 });
    const verdict = await verified(dataset);
    expect(verdict).toMatchObject({ outcome: 'proven', rows: 6, differences: [], loadId: 'l2' });
    expect(await dataset.read((session) => session.readStrayRows('billed_usage'))).toEqual({
      rows: 0,
      keys: [],
    });
    await dataset.byHand('UPDATE {d}._blobs SET records_rejected = 0');
    const found = await verified(dataset);
    expect(found.differences.map(({ message }) => message)).toContain(
      'records_rejected of its blobs do not add up',
    );
  });
}

function byKey(a: { lineItemKey: string }, b: { lineItemKey: string }): number {
  return a.lineItemKey < b.lineItemKey ? -1 : 1;
}
