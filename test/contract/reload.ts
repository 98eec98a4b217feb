import { expect, test } from 'vitest';
import { chooseDiff } from '../../connector/diff-choice.js';
import { publishedSnapshots } from '../../connector/load/restated-lines.js';
import { verifyScope } from '../../connector/verify-scope.js';
import { NO_ROWS, rowsDigestText } from '../../schemas/rows-digest.js';
import type { Scope } from '../../schemas/scope.js';
import { lineRecord, unbilledRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import { Dataset, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

const OTHER = { ...INVOICE, invoice: 'G000002' } as const;
const RECORDS: readonly SourceRecord[] = [
  usageRecord({ MeterId: 'a', BillingPreTaxTotal: '1.10', Zeta: '1' }),
  usageRecord({ MeterId: 'b', BillingPreTaxTotal: '-2' }),
  usageRecord({ MeterId: 'c', Tags: null }),
  usageRecord({ MeterId: 'twin' }),
  usageRecord({ MeterId: 'twin' }),
];
const OTHERS = RECORDS.map((record) => ({ ...record, InvoiceNumber: OTHER.invoice }));
const HISTORY = `SELECT _change, count(*) AS records FROM {d}.billed_usage_history GROUP BY 1 ORDER BY 1`;
const ANY_UUID = '00000000-0000-0000-0000-000000000001';
const NOTHING = { inserted: 0, updated: 0, deleted: 0 };

/** What is done to the rows of the first invoice by hand, and what putting it right comes to. */
const CHANGES: readonly (readonly [string, Partial<typeof NOTHING>])[] = [
  [
    `UPDATE {d}.billed_usage SET
       unit_price = CASE meter_id WHEN 'a' THEN 9 ELSE unit_price END,
       _row_hash = CASE meter_id WHEN 'b' THEN CAST('${ANY_UUID}' AS uuid) ELSE _row_hash END,
       tags = CASE meter_id WHEN 'c' THEN 'was null' ELSE tags END
     WHERE meter_id IN ('a', 'b', 'c')`,
    { updated: 3 },
  ],
  [
    `UPDATE {d}.billed_usage SET
       billing_pre_tax_total = CASE meter_id WHEN 'a' THEN -2 WHEN 'b' THEN 1.1 ELSE billing_pre_tax_total END,
       _extra = CASE meter_id WHEN 'twin' THEN CAST('{"x":1}' AS json) ELSE _extra END
     WHERE line_item_occurrence = 1`,
    { updated: 3 },
  ],
  [
    `UPDATE {d}.billed_usage SET
       invoice_number = CASE meter_id WHEN 'a' THEN 'G9' ELSE invoice_number END,
       line_item_key = CASE meter_id WHEN 'b' THEN CAST('${ANY_UUID}' AS uuid) ELSE line_item_key END
     WHERE meter_id IN ('a', 'b')`,
    { inserted: 2, deleted: 2 },
  ],
  [
    "DELETE FROM {d}.billed_usage WHERE meter_id IN ('a', 'twin') AND line_item_occurrence = 1",
    { inserted: 2 },
  ],
  ['DELETE FROM {d}.billed_usage WHERE false', {}],
];

/** A scope that was changed by hand is put right by publishing the same snapshot again, and nobody takes it for a restatement. */
export function describeReload(database: () => ContractDatabase): void {
  async function published(): Promise<Dataset> {
    const dataset = await Dataset.migrated(database());
    await dataset.inOneSession(async () => {
      await dataset.publish(INVOICE, RECORDS, { eTag: 'e' });
      await dataset.publish(OTHER, OTHERS, { eTag: 'e' });
    });
    return dataset;
  }

  test('whatever was changed by hand is put right by the same eTag: proven again, reloaded, and no restatement', async () => {
    const dataset = await published();
    await dataset.byHand('ALTER TABLE {d}.billed_usage ADD COLUMN cost_centre varchar');
    await dataset.byHand('UPDATE {d}.billed_usage SET cost_centre = meter_id');
    const before = await rowsOf(dataset);
    const digests = await verdicts(dataset);
    for (const [index, [change, counts]] of CHANGES.entries()) {
      await dataset.byHand(change.replace(' WHERE', ` WHERE invoice_number = '${INVOICE.invoice}' AND`));
      const outcomes = (await verdicts(dataset)).map(({ outcome }) => outcome);
      const isChanged = Object.keys(counts).length > 0;
      expect([change, ...outcomes]).toEqual([change, isChanged ? 'differs' : 'proven', 'proven']);
      const result = await reload(dataset, INVOICE, RECORDS);
      expect([change, result]).toMatchObject([
        change,
        { counts: { ...NOTHING, ...counts }, alreadyPublished: false },
      ]);
      expect(await verdicts(dataset)).toEqual(digests);
      expect(await rowsOf(dataset)).toEqual(before);
      // A user's own column keeps its value in rows that are put right; one that was gone has lost it.
      const own = 'SELECT count(*) FROM {d}.billed_usage WHERE cost_centre = meter_id';
      if (index === 1) expect(await dataset.value(own)).toBe('10');
    }
    expect(await dataset.rows(HISTORY)).toEqual([{ _change: 'reloaded', records: '8' }]);
    expect(await dataset.rows('SELECT * FROM {d}.recon_snapshot_changes')).toEqual([]);
    const { name, destination } = dataset;
    const place = { destination, dataset: name, stream: INVOICE.stream, scope: INVOICE.invoice };
    const choice = chooseDiff('', await publishedSnapshots(place), { from: 'l1' });
    expect([choice?.restated, choice?.reloads.length]).toEqual([[], CHANGES.length]);
  });

  test('rows added by hand, also as copies, and rows moved in from another scope leave for history; that scope takes its own back', async () => {
    const dataset = await published();
    const before = await rowsOf(dataset);
    if (dataset.destination.dialect === 'postgres')
      await dataset.byHand('ALTER TABLE {d}.billed_usage DROP CONSTRAINT billed_usage_pkey');
    const copied = `FROM {d}.billed_usage WHERE invoice_number = '${INVOICE.invoice}' AND line_item_occurrence = 1`;
    await dataset.byHand(`CREATE TABLE {d}.copied AS SELECT * ${copied} AND meter_id IN ('a', 'twin')`);
    await dataset.byHand("UPDATE {d}.copied SET line_item_occurrence = 3 WHERE meter_id = 'twin'");
    await dataset.byHand('INSERT INTO {d}.billed_usage SELECT * FROM {d}.copied');
    await dataset.byHand("UPDATE {d}.copied SET line_item_occurrence = 4, _load_id = 'by hand'");
    await dataset.byHand('INSERT INTO {d}.billed_usage SELECT * FROM {d}.copied');
    await dataset.byHand(
      `UPDATE {d}.billed_usage SET invoice_number = '${INVOICE.invoice}', line_item_occurrence = 7
       WHERE invoice_number = '${OTHER.invoice}' AND meter_id = 'b'`,
    );
    // Two of a number, the twin too many, two that no load wrote, and the other scope's.
    const counts = { ...NOTHING, inserted: 1, deleted: 6, unchanged: 4 };
    expect((await reload(dataset, INVOICE, RECORDS)).counts).toMatchObject(counts);
    expect((await verdicts(dataset)).map(({ outcome }) => outcome)).toEqual(['proven', 'differs']);
    expect((await reload(dataset, OTHER, OTHERS)).counts).toMatchObject({
      ...{ ...NOTHING, inserted: 1, unchanged: 4 },
    });
    expect((await verdicts(dataset)).map(({ outcome }) => outcome)).toEqual(['proven', 'proven']);
    expect(await rowsOf(dataset)).toEqual(before);
    expect(await dataset.rows(HISTORY)).toEqual([{ _change: 'reloaded', records: '6' }]);
  });

  test('a credit note that another scope published is not taken from it', async () => {
    const dataset = await published();
    const note = usageRecord({ InvoiceNumber: 'C1' });
    const accepted = { acceptInvoiceNumbers: ['C1'], eTag: 'noted' };
    await dataset.publish(OTHER, [...OTHERS, note], accepted);
    const error = await dataset.refused(INVOICE, [...RECORDS, note], { ...accepted, reload: true });
    expect(error).toMatchObject({ kind: 'integrity', facts: { rule: 'ownership' } });
    expect((await verdicts(dataset)).map(({ outcome }) => outcome)).toEqual(['proven', 'proven']);
  });

  test('with a new eTag everything is reloaded and nothing a restatement, also where rows were only added', async () => {
    const dataset = await published();
    await dataset.publish(INVOICE, RECORDS.slice(1), { eTag: 'restated' });
    await dataset.byHand(
      `DELETE FROM {d}.billed_usage WHERE meter_id = 'b' AND invoice_number = '${INVOICE.invoice}'`,
    );
    const more = [...RECORDS.slice(1), usageRecord({ MeterId: 'new' })];
    await dataset.publish(INVOICE, more, { eTag: 'again', reload: true });
    expect((await verdicts(dataset))[0]?.outcome).toBe('proven');
    const loads = await dataset.rows('SELECT to_etag, change FROM {d}.recon_snapshot_changes');
    expect(loads).toEqual([{ to_etag: 'restated', change: 'removed' }]);
    await dataset.publish(INVOICE, more.slice(1), { eTag: 'last' });
    const later = await dataset.rows('SELECT DISTINCT to_etag FROM {d}.recon_snapshot_changes ORDER BY 1');
    expect(later).toEqual([{ to_etag: 'last' }, { to_etag: 'restated' }]);
    const { name, destination } = dataset;
    const place = { destination, dataset: name, stream: INVOICE.stream, scope: INVOICE.invoice };
    const choice = chooseDiff('', await publishedSnapshots(place), { from: 'e' });
    expect([choice?.restated, choice?.reloads.map(({ eTag }) => eTag)]).toEqual([
      [['l3'], ['l5']],
      ['again'],
    ]);
  });

  test('an estimate is put right too, and keeps no history; lines of an invoice do', async () => {
    const dataset = await Dataset.migrated(database());
    const lines = { ...INVOICE, stream: 'billed_reconciliation' } as const;
    const estimates = [unbilledRecord(), unbilledRecord({ MeterId: 'b' })];
    await dataset.publish(MONTH, estimates, { eTag: 'e' });
    await dataset.publish(lines, [lineRecord(), lineRecord()], { eTag: 'e' });
    await dataset.byHand('UPDATE {d}.unbilled_usage SET quantity = 7');
    await dataset.byHand(
      "UPDATE {d}.unbilled_usage SET billing_month = DATE '2026-01-01' WHERE meter_id = 'b'",
    );
    await dataset.byHand('UPDATE {d}.billed_reconciliation SET subtotal = 7');
    const month = await reload(dataset, MONTH, estimates);
    expect(month.counts).toMatchObject({ inserted: 1, updated: 1, deleted: 1 });
    expect((await reload(dataset, lines, [lineRecord(), lineRecord()])).counts).toMatchObject({ updated: 2 });
    const found = await dataset.read((session) =>
      Promise.all([MONTH, lines].map((scope) => verifyScope(session, scope, new AbortController().signal))),
    );
    expect(found.map(({ outcome }) => outcome)).toEqual(['proven', 'proven']);
    const kept = 'SELECT DISTINCT _change, subtotal FROM {d}.billed_reconciliation_history';
    expect(await dataset.rows(kept)).toEqual([{ _change: 'reloaded', subtotal: '7' }]);
    expect(await dataset.read((session) => session.readStrayRows('unbilled_usage'))).toMatchObject({
      rows: 0,
    });
  });

  test('an empty answer over what was published is refused, though no row is left; over an empty one rows go', async () => {
    const dataset = await published();
    await dataset.byHand('DELETE FROM {d}.billed_usage');
    const error = await dataset.refused(INVOICE, [], { eTag: 'e', reload: true });
    expect(error).toMatchObject({ kind: 'integrity', facts: { rule: 'empty' } });
    const empty = { ...INVOICE, invoice: 'G3' };
    await dataset.publish(empty, [], { eTag: 'none', loadId: 'of none' });
    await reload(dataset, OTHER, OTHERS);
    await dataset.byHand("UPDATE {d}.billed_usage SET invoice_number = 'G3', _load_id = 'of none'");
    await dataset.publish(empty, [], { eTag: 'none', reload: true });
    const [verdict] = await verdicts(dataset, [empty]);
    expect(verdict).toMatchObject({ outcome: 'proven', digest: rowsDigestText(NO_ROWS) });
  });
}

async function reload(dataset: Dataset, scope: Scope, records: readonly SourceRecord[]) {
  return await dataset.publish(scope, records, { eTag: 'e', reload: true });
}

async function verdicts(dataset: Dataset, scopes: readonly Scope[] = [INVOICE, OTHER]) {
  return await dataset.read(async (session) => {
    const found = [];
    for (const scope of scopes) {
      const { outcome, rowsDigest, sums } = await verifyScope(session, scope, new AbortController().signal);
      found.push({ outcome, digest: rowsDigest, sums });
    }
    return found;
  });
}

/** What rows say and how they are named, without the load that wrote them. */
async function rowsOf(dataset: Dataset) {
  return await dataset.rows(
    `SELECT invoice_number, line_item_key, line_item_occurrence, _row_hash, _blob_name, _extra,
       meter_id, unit_price, billing_pre_tax_total, tags
     FROM {d}.billed_usage ORDER BY 1, 2, 3`,
  );
}
