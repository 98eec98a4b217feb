import { expect, test } from 'vitest';
import type { Tolerance } from '../../schemas/config-tolerance.js';
import { TOLERANCE_CHECKS } from '../../schemas/config-tolerance.js';
import { tolerancesApart } from '../../connector/load/tolerances.js';
import { Dataset, failure, type ContractDatabase } from './dataset.js';

const tolerance = (
  currency: string,
  perUnit: string | null,
  atMost: string | null,
  check: Tolerance['check'] = 'line_recalc',
): Tolerance => ({ check, currency, perUnit, atMost });

/** What checks let pass: the defaults, and what the configuration says of them. */
export function describeTolerances(database: () => ContractDatabase): void {
  test('a tolerance is a smallest unit for each unit compared, a hundred of them at most, for every check', async () => {
    const dataset = await Dataset.migrated(database());
    const cases: readonly Case[] = [
      ['line_recalc', 'USD', '1', '0.01'],
      ['line_recalc', 'usd', '12', '0.12'],
      ['line_recalc', 'USD', '100', '1'],
      ['line_recalc', 'USD', '101', '1'],
      ['line_recalc', 'JPY', '12', '12'],
      ['line_recalc', 'KWD', '12', '0.012'],
      ['line_recalc', 'EUR', '0.005001', '0.00005001'],
      ['line_recalc', 'EUR', '0', '0'],
      ['line_recalc', 'XXX', '12', null],
      ['line_recalc', 'USD', null, null],
      ['line_recalc', null, '1', null],
      ...TOLERANCE_CHECKS.map((check): Case => [check, 'USD', '2', '0.02']),
    ];
    expect(await toldOf(dataset, cases)).toEqual(cases);
  });

  test('the configuration goes before the defaults, a currency before default, each amount for itself', async () => {
    const dataset = await Dataset.migrated(database());
    await keep(dataset, [
      tolerance('default', '0.05', null),
      tolerance('EUR', '0', '2.5'),
      tolerance('JPY', null, '7'),
      tolerance('XXX', '0.3', '0.5'),
      tolerance('USD', '0.0000000001', null, 'pec_missed'),
    ]);
    const cases: readonly Case[] = [
      ['line_recalc', 'USD', '3', '0.15'],
      ['line_recalc', 'USD', '30', '1'],
      ['line_recalc', 'EUR', '3', '0'],
      ['line_recalc', 'JPY', '3', '0.15'],
      ['line_recalc', 'JPY', '3000', '7'],
      ['line_recalc', 'XXX', '1', '0.3'],
      ['line_recalc', 'XXX', '2', '0.5'],
      // Its cap would need a smallest unit, which nobody knows.
      ['line_recalc', 'ZZZ', '2', null],
      ['line_recalc', null, '2', null],
      ['pec_missed', 'USD', '3', '0.0000000003'],
      ['pec_missed', 'EUR', '3', '0.03'],
    ];
    expect(await toldOf(dataset, cases)).toEqual(cases);
  });

  test('what the configuration no longer says is forgotten, and nothing is written where nothing changed', async () => {
    const dataset = await Dataset.migrated(database());
    expect(await keep(dataset, [])).toBe(false);
    expect(await keep(dataset, [tolerance('USD', '0.050', null), tolerance('EUR', '1', '2')])).toBe(true);
    expect(await keep(dataset, [tolerance('EUR', '1', '2.00'), tolerance('USD', '0.05', null)])).toBe(false);
    expect(await keep(dataset, [tolerance('USD', '0.07', null)])).toBe(true);
    expect(await dataset.rows('SELECT check_name, currency, per_unit, at_most FROM {d}._tolerances')).toEqual(
      [{ check_name: 'line_recalc', currency: 'USD', per_unit: '0.07', at_most: null }],
    );
    expect(await keep(dataset, [])).toBe(true);
    expect(await dataset.rows('SELECT * FROM {d}._tolerances')).toEqual([]);
  });

  test('what is kept otherwise than configured is named by check and currency, and then nothing is written', async () => {
    const dataset = await Dataset.migrated(database());
    await keep(dataset, [tolerance('USD', '0.05', null), tolerance('EUR', '1', '2')]);
    const apart = (...configured: Tolerance[]): Promise<readonly string[]> =>
      dataset.write((session) => session.readDataset((from) => tolerancesApart(from, configured)));
    expect(await apart(tolerance('EUR', '1.0', '2'), tolerance('USD', '0.050', null))).toEqual([]);
    expect(
      await apart(tolerance('USD', '0.05', '7'), tolerance('default', '0.01', null, 'invoice_tieout')),
    ).toEqual(['invoice_tieout default', 'line_recalc EUR', 'line_recalc USD']);
    expect(await apart()).toEqual(['line_recalc EUR', 'line_recalc USD']);
    expect(await dataset.value('SELECT count(*) FROM {d}._tolerances')).toBe('2');
  });

  test('a check that has no tolerance is an error, also on rows of a table', async () => {
    const dataset = await Dataset.migrated(database());
    for (const check of ['orphans', 'recon_line_recalc', ''])
      expect((await failure(toldOf(dataset, [[check, 'USD', '1', null]]))).kind).toBe('config');
    const rows = await dataset.rows(
      `SELECT v.currency, {d}.recon_tolerance('usage_vs_invoice', v.currency, count(*)) AS t
       FROM (VALUES ('USD'), ('USD'), ('JPY')) AS v (currency) GROUP BY v.currency ORDER BY 1`,
    );
    expect(rows).toEqual([
      { currency: 'JPY', t: '1' },
      { currency: 'USD', t: '0.02' },
    ]);
  });
}

const keep = (dataset: Dataset, tolerances: readonly Tolerance[]): Promise<boolean> =>
  dataset.write((session) => session.keepTolerances(tolerances));

/** Check, currency, units, and the tolerance that is expected or told. */
type Case = readonly [string, string | null, string | null, string | null];

async function toldOf(dataset: Dataset, cases: readonly Case[]): Promise<Case[]> {
  const value = (text: string | null, type: string) =>
    `CAST(${text === null ? 'NULL' : `'${text}'`} AS ${type})`;
  const rows = cases.map(
    ([check, currency, units], index) =>
      `(${index}, '${check}', ${value(currency, 'varchar')}, ${value(units, 'DECIMAL(38, 22)')})`,
  );
  const told = await dataset.rows(
    `SELECT {d}.recon_tolerance(v.of_check, v.currency, v.units) AS tolerance
     FROM (VALUES ${rows.join(', ')}) AS v (i, of_check, currency, units) ORDER BY v.i`,
  );
  return cases.map(([check, currency, units], index) => [
    ...([check, currency, units] as const),
    told[index]?.['tolerance'] ?? null,
  ]);
}
