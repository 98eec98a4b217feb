import { createHash } from 'node:crypto';
import { ConfigError } from '../../schemas/errors.js';
import { atStep } from '../run-step.js';
import type { SqlConnection, SqlTransaction } from './destination.js';
import { countOf, sqlInstant } from './publishing.js';
import {
  identifier,
  migrationFiles,
  migrationStatements,
  statement,
  type MigrationFile,
  type SqlText,
} from './sql-text.js';
import { refuseTakenNames } from './taken-names.js';
import { applyViews, pendingViews } from './views.js';

/** A migration that is not applied yet, ready to run. */
export interface PendingMigration {
  /** From 1; null for a macro, a view or a function, which is made anew whenever its text changes. */
  readonly number: number | null;
  /** `000001_records`, `macro mul`, `view usage_open` or `function billed_usage_as_of`. */
  readonly name: string;
  /** Its statements, each ended by a semicolon. */
  readonly sql: string;
}

/** What applying migrations needs to know. */
export interface MigrateOptions {
  readonly dataset: string;
  readonly connectorVersion: string;
  readonly now: Date;
}

/**
 * The migrations and views that the dataset lacks, in order; the first one shows the dataset's creation too where it is
 * missing. Changes nothing.
 * @throws ConfigError when the dataset has a migration that this connector does not know, or knows differently
 */
export async function pendingMigrations(
  connection: SqlConnection,
  dataset: string,
): Promise<readonly PendingMigration[]> {
  return connection.transaction(async (transaction) => {
    const pending = await missing(transaction, dataset);
    const create = (await hasDataset(transaction, dataset)) ? [] : [createDataset(transaction, dataset)];
    const views = await pendingViews(transaction, dataset);
    return [
      ...pending.map((migration, index) => ({
        number: migration.number,
        name: migration.name,
        sql: [...(index === 0 ? create : []), ...statementsOf(migration, dataset)]
          .map((text) => `${text};\n`)
          .join('\n'),
      })),
      ...views.map((view) => ({
        number: null,
        name: `${view.kind} ${view.name}`,
        sql: `${view.statement};\n`,
      })),
    ];
  });
}

/**
 * Applies what is missing: all migrations in one transaction with their rows in `_migrations`, so that an upgrade is there
 * whole or not at all, then all macros, views and functions in another with their rows in `_views`; under a lock, so that
 * several at once are safe. Returns the names of what was applied. Only ever adds.
 * @throws ConfigError as {@link pendingMigrations}, when the rights do not suffice, or when a user's own table or view
 * has a name that is needed
 */
export async function migrate(
  connection: SqlConnection,
  options: MigrateOptions,
): Promise<readonly string[]> {
  const applied: string[] = [];
  for (;;) {
    const names = await connection.transaction((transaction) => applyNext(transaction, options));
    if (names.length === 0) return applied;
    applied.push(...names);
    atStep('migration applied');
  }
}

async function applyNext(transaction: SqlTransaction, options: MigrateOptions): Promise<readonly string[]> {
  const { dataset, connectorVersion, now } = options;
  await transaction.rows(sql(transaction, 'lock', dataset), [dataset]);
  const next = await missing(transaction, dataset);
  // Macros, views and functions come last: they may name what any migration made.
  if (next.length === 0) return await applyViews(transaction, dataset, now);
  if (!(await hasDataset(transaction, dataset))) await transaction.run(createDataset(transaction, dataset));
  await refuseTakenNames(transaction, dataset, next.flatMap(createdTables));
  for (const migration of next) {
    for (const text of statementsOf(migration, dataset)) await transaction.run(text);
    const { number, name } = migration;
    const values = [number, name, checksum(migration), sqlInstant(now), connectorVersion];
    await transaction.run(sql(transaction, 'keep migration', dataset), values);
  }
  return next.map(({ name }) => name);
}

async function missing(transaction: SqlTransaction, dataset: string): Promise<readonly MigrationFile[]> {
  const known = migrationFiles(transaction.dialect);
  const [found] = await transaction.rows(sql(transaction, 'has migrations', dataset), [dataset]);
  if (countOf(found?.['records']) === 0) return known;
  const rows = await transaction.rows(sql(transaction, 'applied', dataset));
  for (const row of rows) {
    const migration = known.find(({ number }) => number === countOf(row['number']));
    const label = `${row['number'] ?? ''} (${row['name'] ?? ''})`;
    if (migration === undefined) {
      throw new ConfigError({
        message: `dataset ${dataset} has migration ${label}, which this version of the connector does not know`,
        hint: 'a newer connector was here: install that version, or use another dataset',
        facts: { dataset, migration: row['name'] },
      });
    }
    if (checksum(migration) !== row['checksum']) {
      throw new ConfigError({
        message: `migration ${label} of dataset ${dataset} is not the one that this connector ships`,
        hint: 'an applied migration never changes: reinstall the connector, or use another dataset',
        facts: { dataset, migration: row['name'] },
      });
    }
  }
  const done = new Set(rows.map((row) => countOf(row['number'])));
  return known.filter(({ number }) => !done.has(number));
}

async function hasDataset(transaction: SqlTransaction, dataset: string): Promise<boolean> {
  const [row] = await transaction.rows(sql(transaction, 'has dataset', dataset), [dataset]);
  return countOf(row?.['records']) > 0;
}

function createDataset(transaction: SqlTransaction, dataset: string): SqlText {
  return sql(transaction, 'create dataset', dataset);
}

function statementsOf(migration: MigrationFile, dataset: string): readonly SqlText[] {
  return migrationStatements(migration, { dataset: identifier(dataset) });
}

function sql(transaction: SqlTransaction, name: string, dataset: string): SqlText {
  return statement(transaction.dialect, 'migrate', name, { dataset: identifier(dataset) });
}

function createdTables({ text }: MigrationFile): readonly string[] {
  return [...text.matchAll(/^CREATE TABLE \{\{dataset\}\}\.(\w+)/gm)].map(([, name = '']) => name);
}

function checksum({ text }: MigrationFile): string {
  return createHash('sha256').update(text).digest('hex');
}
