import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseDiff } from '../../connector/diff-choice.js';
import { DiffSum } from '../../connector/diff-money.js';
import { publishedRejected } from '../../connector/load/rejected-records.js';
import { publishedSnapshots, restatedLines, type RestatedLine } from '../../connector/load/restated-lines.js';
import type { RejectedRecord } from '../../schemas/batch.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { usageRecord, lineRecord, type SourceRecord } from '../snapshot.js';
import { Dataset, failure, INVOICE, type ContractDatabase } from './dataset.js';

const START = Date.parse('2026-11-09T12:00:00Z');
const at = (second: number) => ({ now: new Date(START + second * 1000) });
const instant = (second: number) =>
  `TIMESTAMP '${new Date(START + second * 1000).toISOString().slice(0, -1)}'`;

/** What Microsoft restated, the rows as they once were, and how long that is kept. */
export function describeHistory(database: () => ContractDatabase, numRuns: number): void {
  test('rows as of a load or an instant are those of the snapshots that stood then, as a model remembers them, before and after a purge', async () => {
    const dataset = await Dataset.migrated(database());
    const model = new Model();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(snapshots, fc.nat(), async (sequence, seed) => {
        runs += 1;
        await playSequence(dataset, model, `R${runs}`, sequence, seed);
      }),
      { numRuns },
    );
    expect(runs).toBeGreaterThanOrEqual(numRuns);
  }, 240_000);

  test('a point that is no load, none, two of them, or in another time zone, is refused, also where no row matches', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()], at(0));
    const refusals: [string, RegExp][] = [
      ["of_load := 'l9'", /no snapshot was published by load l9/],
      ['', /give one of instant .* and of_load/],
      [`${instant(0)}, 'l1'`, /give one of instant .* and of_load/],
      [
        'now()',
        /instant is a timestamp without time zone|function .*timestamp with time zone\) does not exist/,
      ],
      ["'yesterday, or so'", /./],
    ];
    for (const [point, message] of refusals) {
      for (const where of ['', "WHERE invoice_number = 'none'"]) {
        const error = await failure(dataset.rows(`SELECT * FROM {d}.billed_usage_as_of(${point}) ${where}`));
        expect([point, error.kind]).toEqual([point, 'config']);
        expect(error.message).toMatch(message);
      }
    }
  });

  test('as_of has the columns of its table, in their order and types, for both streams', async () => {
    const dataset = await Dataset.migrated(database());
    for (const table of ['billed_usage', 'billed_reconciliation']) {
      const columnsOf = (from: string) =>
        dataset.destination.query(`SELECT * FROM ${dataset.name}.${from}`, ({ columns }) =>
          Promise.resolve(columns),
        );
      expect(await columnsOf(`${table}_as_of(${instant(0)})`)).toEqual(await columnsOf(table));
    }
  });

  test('lines that Microsoft added, removed or changed are in recon_snapshot_changes, with the money that moved', async () => {
    const dataset = await Dataset.migrated(database());
    const scope = { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' } as const;
    const line = (SubscriptionId: string, Subtotal: string, more: SourceRecord = {}) =>
      lineRecord({ SubscriptionId, Subtotal, ...more });
    await dataset.publish(
      scope,
      [line('s1', '10.5'), line('s2', '1'), line('s3', '3'), line('s4', '4')],
      at(0),
    );
    await dataset.publish(
      scope,
      [
        line('s1', '10.25'),
        line('s2', '1', { CustomerName: 'Contoso Ltd' }),
        line('s4', '4'),
        line('s5', '-0.1'),
      ],
      at(1),
    );
    const sql = `SELECT stream, scope, invoice_number, currency, customer_name, subscription_id, change, status, left_amount,
        right_amount, difference, tolerance, rows_left, rows_right, reason, snapshot_ids, from_load_id, to_load_id,
        from_etag, to_etag
      FROM {d}.recon_snapshot_changes ORDER BY subscription_id, to_etag`;
    const common = {
      stream: 'billed_reconciliation',
      scope: 'G000001',
      invoice_number: 'G000001',
      currency: 'USD',
      customer_name: 'Contoso',
      tolerance: '0',
      snapshot_ids: 'l1,l2',
      from_load_id: 'l1',
      to_load_id: 'l2',
      from_etag: 'e1',
      to_etag: 'e2',
    };
    const change = (what: string) => ({
      change: what,
      reason: `${what} by Microsoft between eTag e1 and eTag e2`,
      rows_left: what === 'added' ? '0' : '1',
      rows_right: what === 'removed' ? '0' : '1',
    });
    const money = (left_amount: string | null, right_amount: string | null, difference: string) => ({
      left_amount,
      right_amount,
      difference,
    });
    expect(await dataset.rows(sql)).toEqual([
      {
        ...common,
        ...change('changed'),
        ...money('10.5', '10.25', '-0.25'),
        subscription_id: 's1',
        status: 'mismatch',
      },
      {
        ...{
          ...common,
          ...change('changed'),
          ...money('1', '1', '0'),
          subscription_id: 's2',
          status: 'matched',
        },
        customer_name: 'Contoso Ltd',
      },
      {
        ...common,
        ...change('removed'),
        ...money('3', null, '-3'),
        subscription_id: 's3',
        status: 'left_only',
      },
      {
        ...common,
        ...change('added'),
        ...money(null, '-0.1', '-0.1'),
        subscription_id: 's5',
        status: 'right_only',
      },
    ]);
    await dataset.publish(scope, [line('s1', '10.25')], at(2));
    const moved =
      'SELECT to_etag, sum(difference) AS moved FROM {d}.recon_snapshot_changes GROUP BY 1 ORDER BY 1';
    expect(await dataset.rows(moved)).toEqual([
      { to_etag: 'e2', moved: '-3.35' },
      { to_etag: 'e3', moved: '-4.9' },
    ]);
  });

  test('a diff over several snapshots compares their ends, leaves out what came and went, and moves exact money', async () => {
    const dataset = await Dataset.migrated(database());
    const one = (MeterId: string, BillingPreTaxTotal: string, more: SourceRecord = {}) =>
      usageRecord({ MeterId, BillingPreTaxTotal, ...more });
    await dataset.publish(INVOICE, [one('a', '0.1'), one('b', '5'), one('c', '1')], at(0));
    await dataset.publish(INVOICE, [one('a', '0.3'), one('d', '7'), one('c', '2')], at(1));
    await dataset.publish(
      INVOICE,
      [one('a', '0.2', { Unknown: 'x' }), one('c', '1'), one('e', '-0.05')],
      at(2),
    );
    const place = {
      destination: dataset.destination,
      dataset: dataset.name,
      stream: INVOICE.stream,
      scope: 'G000001',
    };
    const snapshots = await publishedSnapshots(place);
    const choice = chooseDiff('G000001', snapshots, { from: 'e1' });
    expect([choice?.from.loadId, choice?.to.loadId, choice?.restated]).toEqual(['l1', 'l3', [['l2', 'l3']]]);
    const sum = new DiffSum(INVOICE.stream);
    const found: string[] = [];
    for await (const line of restatedLines(place, choice?.restated[0] ?? [])) {
      sum.add(line);
      const texts = [line.before, line.after].map(
        (values) => values && `${values.get('meter_id') ?? ''} ${values.get('billing_pre_tax_total') ?? ''}`,
      );
      found.push(`${line.change}: ${texts.join(' to ')} ${line.after?.get('_extra') ?? ''}`.trimEnd());
    }
    expect(found.sort()).toEqual([
      'added:  to e -0.05',
      'changed: a 0.1 to a 0.2 {"Unknown":"x"}',
      'removed: b 5 to',
    ]);
    expect(sum.totals).toEqual({
      lines: { added: 1, removed: 1, changed: 1 },
      money: { USD: { added: '-0.05', removed: '-5', changed: '0.1', moved: '-4.95' } },
    });
    await dataset.write((session) => session.purgeHistory(at(2).now));
    const marked = await publishedSnapshots(place);
    expect(marked.map(({ isPurged }) => isPurged)).toEqual([true, false, false]);
    expect(() => chooseDiff('G000001', marked, { from: 'e1' })).toThrow(/history after eTag e1 was purged/);
    expect(chooseDiff('G000001', marked, {})?.restated).toEqual([['l3']]);
  });

  test('what we reloaded is no restatement: another attribute set, or the same eTag again', async () => {
    const dataset = await Dataset.migrated(database());
    const one = (Quantity: string) => [usageRecord({ Quantity })];
    await dataset.publish(INVOICE, one('1'), { ...at(0), attributeSet: 'basic' });
    await dataset.publish(INVOICE, one('2'), at(1));
    await dataset.publish(INVOICE, one('3'), at(2));
    const repaired = { ...BILLED_USAGE, version: BILLED_USAGE.version + 1 };
    await dataset.publish(INVOICE, [...one('4'), usageRecord({ MeterId: 'lost' })], {
      ...{ ...at(3), eTag: 'e3', table: repaired },
    });
    const loads = await dataset.rows('SELECT from_load_id, to_load_id FROM {d}.recon_snapshot_changes');
    expect(loads).toEqual([{ from_load_id: 'l2', to_load_id: 'l3' }]);
    const changes =
      'SELECT _replaced_by_load_id AS by_load, _change FROM {d}.billed_usage_history ORDER BY 1';
    expect(await dataset.rows(changes)).toEqual([
      { by_load: 'l2', _change: 'reloaded' },
      { by_load: 'l3', _change: 'changed' },
      { by_load: 'l4', _change: 'reloaded' },
    ]);
    const place = {
      destination: dataset.destination,
      dataset: dataset.name,
      stream: INVOICE.stream,
      scope: 'G000001',
    };
    const choice = chooseDiff('G000001', await publishedSnapshots(place), { from: 'l1' });
    expect(choice?.restated).toEqual([['l3']]);
    expect(choice?.reloads.map(({ loadId }) => loadId)).toEqual(['l2', 'l4']);
  });

  test('rejected records of a published snapshot are read back as they were kept, in the order of blob and line', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(
      INVOICE,
      [usageRecord(), 'no JSON: \u0001 "株"', usageRecord({ Quantity: '1,5' })],
      {
        rejectedLimit: 2,
      },
    );
    const found: RejectedRecord[] = [];
    await publishedRejected(dataset.destination, dataset.name, 'l1', async (records) => {
      for await (const record of records) found.push(record);
    });
    expect(found).toMatchObject([
      { blobName: 'part-1.json.gz', lineNumber: 2, field: null, line: 'no JSON: \u0001 "株"', lineBytes: 16 },
      { blobName: 'part-1.json.gz', lineNumber: 3, field: 'Quantity' },
    ]);
    expect(found[0]?.reason).not.toBe('');
    expect(found[0]?.lineSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a purge removes what was replaced before the instant, says how much, and makes earlier points and changes untold', async () => {
    const dataset = await Dataset.migrated(database());
    for (const [second, quantity] of ['1', '2', '3', '4'].entries())
      await dataset.publish(INVOICE, [usageRecord({ Quantity: quantity })], at(second));
    const before = await dataset.rows('SELECT * FROM {d}.billed_usage');
    const purge = (second: number) => dataset.write((session) => session.purgeHistory(at(second).now));
    expect(await purge(1)).toEqual([]);
    expect(await purge(3)).toEqual([{ stream: 'billed_usage', rows: 2 }]);
    expect(await purge(3)).toEqual([]);
    expect(await dataset.rows('SELECT * FROM {d}.billed_usage')).toEqual(before);
    const mark = 'SELECT stream, scope, purged_until, purged_load_id, rows_removed FROM {d}._retention';
    const kept = { stream: 'billed_usage', scope: 'G000001' };
    expect(await dataset.rows(mark)).toEqual([
      { ...kept, purged_until: '2026-11-09T12:00:02', purged_load_id: 'l3', rows_removed: '2' },
    ]);
    const quantity = async (point: string) =>
      dataset.value(`SELECT quantity FROM {d}.billed_usage_as_of(${point})`);
    for (const point of ["of_load := 'l1'", "of_load := 'l2'", instant(0), instant(1.5)]) {
      const error = await failure(quantity(point));
      expect(error.message).toMatch(/history of billed_usage was purged.*before 2026-11-09 12:00:02 UTC/);
      const none = dataset.rows(
        `SELECT 1 FROM {d}.billed_usage_as_of(${point}) WHERE invoice_number = 'none'`,
      );
      expect((await failure(none)).message).toMatch(/history of billed_usage was purged/);
    }
    expect([
      await quantity("of_load := 'l3'"),
      await quantity(instant(2.5)),
      await quantity(instant(9)),
    ]).toEqual(['3', '3', '4']);
    const changes = 'SELECT to_load_id FROM {d}.recon_snapshot_changes';
    expect(await dataset.rows(changes)).toEqual([{ to_load_id: 'l4' }]);
    expect(await purge(9)).toEqual([{ stream: 'billed_usage', rows: 1 }]);
    expect(await dataset.rows(mark)).toMatchObject([{ purged_load_id: 'l4', rows_removed: '3' }]);
  });

  test('snapshots are told apart in time also where the clock was set back', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord({ Quantity: '1' })], at(60));
    await dataset.publish(INVOICE, [usageRecord({ Quantity: '2' })], at(0));
    const order = 'SELECT load_id FROM {d}._snapshots ORDER BY published_at';
    expect(await dataset.rows(order)).toEqual([{ load_id: 'l1' }, { load_id: 'l2' }]);
    expect(await dataset.value("SELECT quantity FROM {d}.billed_usage_as_of(of_load := 'l1')")).toBe('1');
    expect(await dataset.value("SELECT quantity FROM {d}.billed_usage_as_of(of_load := 'l2')")).toBe('2');
  });
}

/** Few keys and values, so that keys repeat, rows are twins, and both change. */
const record = fc.record({
  MeterId: fc.constantFrom('a', 'b', 'c', null),
  UnitPrice: fc.constantFrom('1', '2', null),
  CustomerName: fc.constantFrom('Contoso', 'Fabrikam', null),
});
type Fields = { [Name in 'MeterId' | 'UnitPrice' | 'CustomerName']: string | null };
const snapshots = fc.array(
  fc.record({ scope: fc.constantFrom('x', 'y'), records: fc.array(record, { maxLength: 7 }) }),
  { minLength: 2, maxLength: 6 },
);

/** Remembers every snapshot whole: slow and obvious, to hold history against. */
class Model {
  readonly published: {
    readonly loadId: string;
    readonly second: number;
    readonly scope: string;
    readonly lines: string[];
  }[] = [];
  second = 0;

  /** The lines of all scopes after the first `count` loads, in order. */
  after(count: number): string[] {
    const scopes = new Map<string, string[]>();
    for (const { scope, lines } of this.published.slice(0, count)) scopes.set(scope, lines);
    return [...scopes.values()].flat().sort();
  }
}

async function playSequence(
  dataset: Dataset,
  model: Model,
  run: string,
  sequence: readonly { readonly scope: string; readonly records: readonly Fields[] }[],
  seed: number,
): Promise<void> {
  const first = model.published.length;
  await dataset.inOneSession(async () => {
    for (const { scope, records } of sequence) {
      const invoice = `${run}${scope}`;
      model.second += 2;
      const loadId = `load-${String(model.published.length).padStart(5, '0')}`;
      const rows = records.map((fields) => usageRecord({ ...fields, InvoiceNumber: invoice }));
      await dataset.publish({ ...INVOICE, invoice }, rows, { ...at(model.second), loadId, allowEmpty: true });
      const lines = records.map((one) => [invoice, one.MeterId, one.UnitPrice, one.CustomerName].join('|'));
      model.published.push({ loadId, second: model.second, scope: invoice, lines });
    }
  });
  for (let count = first + 1; count <= model.published.length; count += 1) {
    const last = model.published[count - 1];
    expect(await asOf(dataset, `of_load := '${last?.loadId ?? ''}'`)).toEqual(model.after(count));
    expect(await asOf(dataset, instant((last?.second ?? 0) + 1))).toEqual(model.after(count));
  }
  for (const scope of ['x', 'y']) await compareDiff(dataset, model, `${run}${scope}`, seed);
  await purgeAndCompare(dataset, model, first + (seed % (model.published.length - first)));
}

/** The lines of one snapshot, without what a diff removes and with what it adds, are the lines of the other one. */
async function compareDiff(dataset: Dataset, model: Model, scope: string, seed: number): Promise<void> {
  const own = model.published.filter((one) => one.scope === scope);
  const from = own[seed % Math.max(1, own.length - 1)];
  const to = own.at(-1);
  if (from === undefined || to === undefined || own.length < 2) return;
  const place = { destination: dataset.destination, dataset: dataset.name, stream: INVOICE.stream, scope };
  const choice = chooseDiff(scope, await publishedSnapshots(place), { from: from.loadId, to: to.loadId });
  const left = [...from.lines];
  const added: string[] = [];
  for await (const line of restatedLines(place, choice?.restated.flat() ?? [])) {
    const [before, after] = [line.before, line.after].map((texts) => texts && lineOf(texts));
    expect(before).not.toEqual(after);
    if (before) {
      expect(left).toContain(before);
      left.splice(left.indexOf(before), 1);
    }
    if (after) added.push(after);
  }
  expect([...left, ...added].sort()).toEqual([...to.lines].sort());
}

function lineOf(texts: NonNullable<RestatedLine['before']>): string {
  return ['invoice_number', 'meter_id', 'unit_price', 'customer_name']
    .map((name) => texts.get(name) ?? '')
    .join('|');
}

/** After a purge every point is told as before or refused, and one after the purge is never refused. */
async function purgeAndCompare(dataset: Dataset, model: Model, index: number): Promise<void> {
  const second = model.published[index]?.second ?? 0;
  await dataset.write((session) => session.purgeHistory(at(second).now));
  for (const [count, { loadId, second: then }] of model.published.entries()) {
    if (count < index - 3) continue;
    const told = await asOf(dataset, `of_load := '${loadId}'`).catch((error: unknown) => String(error));
    if (typeof told === 'string')
      expect([told, then < second]).toEqual([expect.stringContaining('was purged'), true]);
    else expect(told).toEqual(model.after(count + 1));
  }
}

async function asOf(dataset: Dataset, point: string): Promise<string[]> {
  const rows = await dataset.rows(
    `SELECT invoice_number, meter_id, unit_price, customer_name FROM {d}.billed_usage_as_of(${point})`,
  );
  return rows
    .map((row) =>
      Object.values(row)
        .map((value) => value ?? '')
        .join('|'),
    )
    .sort();
}
