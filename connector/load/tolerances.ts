import type { Tolerance } from '../../schemas/config-tolerance.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import type { SqlConnection, SqlTransaction, SqlValue } from './destination.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/**
 * Makes `_tolerances`, which `recon_tolerance()` reads, what the configuration says, in one transaction. Writes nothing
 * where it says that already; returns whether it wrote.
 */
export async function keepTolerances(
  connection: SqlConnection,
  dataset: string,
  tolerances: readonly Tolerance[],
): Promise<boolean> {
  return await connection.transaction(async (transaction) => {
    const { changed, gone } = await apart({ reading: transaction, dataset }, tolerances);
    for (const [, values] of changed) await transaction.run(sql(transaction, 'keep', dataset), values);
    for (const [, values] of gone)
      await transaction.run(sql(transaction, 'forget', dataset), values.slice(0, 2));
    return changed.length + gone.length > 0;
  });
}

/**
 * The checks and currencies, such as `line_recalc USD`, whose tolerance in `_tolerances` is not what the configuration
 * says, in the order of their names; none where views go by the configuration. Of a migrated dataset.
 */
export async function tolerancesApart(
  from: KeptIn,
  tolerances: readonly Tolerance[],
): Promise<readonly string[]> {
  const { changed, gone } = await apart(from, tolerances);
  return [...changed, ...gone].map(([key]) => key).sort();
}

/** Where `_tolerances` is read. */
interface KeptIn {
  readonly reading: Pick<SqlTransaction, 'dialect' | 'rows'>;
  readonly dataset: string;
}

type Entry = readonly [key: string, values: readonly SqlValue[]];

async function apart(
  from: KeptIn,
  tolerances: readonly Tolerance[],
): Promise<{ readonly changed: readonly Entry[]; readonly gone: readonly Entry[] }> {
  const kept = await readKept(from);
  const wanted = new Map(tolerances.map((tolerance) => [keyOf(tolerance), valuesOf(tolerance)]));
  return {
    changed: [...wanted].filter(([key, values]) => kept.get(key)?.join() !== values.join()),
    gone: [...kept].filter(([key]) => !wanted.has(key)),
  };
}

async function readKept({ reading, dataset }: KeptIn): Promise<ReadonlyMap<string, readonly SqlValue[]>> {
  const rows = await reading.rows(sql(reading, 'read', dataset));
  const kept = rows.map((row) => ({
    ...{ check: row['check_name'] ?? '', currency: row['currency'] ?? '' },
    ...{ perUnit: row['per_unit'] ?? null, atMost: row['at_most'] ?? null },
  }));
  return new Map(kept.map((row) => [keyOf(row), valuesOf(row)]));
}

const keyOf = ({ check, currency }: { readonly check: string; readonly currency: string }): string =>
  `${check} ${currency}`;

function valuesOf(row: Omit<Tolerance, 'check'> & { readonly check: string }): readonly SqlValue[] {
  const canonical = (amount: string | null) => (amount === null ? null : canonicalDecimal(amount));
  return [row.check, row.currency, canonical(row.perUnit), canonical(row.atMost)];
}

function sql({ dialect }: KeptIn['reading'], name: string, dataset: string): SqlText {
  return statement(dialect, 'tolerances', name, { dataset: identifier(dataset) });
}
