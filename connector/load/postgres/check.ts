import type pg from 'pg';
import type { PostgresConfig } from '../../../schemas/config.js';
import { asConnectorError } from '../../../schemas/errors.js';
import { STREAM_NAMES } from '../../../schemas/streams.js';
import type { CheckLine } from '../destination.js';
import { statement } from '../sql-text.js';
import { postgresError } from './postgres-error.js';
import { findPooling, POOLER_HINT, poolerError, type Pooling } from './pooler.js';
import { connectAlone, type SessionOptions } from './session.js';

/** Versions of the server that the tests have seen. */
const VERSIONS = { oldest: 14, newest: 18 };

const RECORD_TABLES = [
  '_migrations',
  '_dataset',
  '_scopes',
  '_runs',
  '_snapshots',
  '_blobs',
  '_rejected_records',
  'unbilled_totals',
  'invoices',
  'invoices_history',
  '_invoice_lists',
  '_agreements',
  '_retention',
  '_tolerances',
  'invoice_statements',
  'invoice_sign_offs',
];

type Row = Readonly<Record<string, string | null>>;

/** The dataset that is checked. */
export interface CheckedDataset {
  readonly dataset: string;
  readonly migrate: PostgresConfig['migrate'];
  /** The migrations that it lacks. */
  readonly pending: () => Promise<readonly { readonly name: string }[]>;
}

/** Connection, pooler, version and rights, each tried without changing anything. */
export async function checkServer(
  options: SessionOptions,
  place: string,
  checked: CheckedDataset,
): Promise<CheckLine[]> {
  const { dataset, pending } = checked;
  let client: pg.Client;
  const lines: CheckLine[] = [];
  try {
    const pooling = await findPooling(options, place);
    lines.push(ok(`connect to ${place}`, 'connected'), lockLine(pooling, place));
    // Everything else would leave settings of ours in connections of others.
    if (pooling === 'transaction') return lines;
    client = await connectAlone(options, place);
  } catch (error) {
    return [failed(`connect to ${place}`, error)];
  }
  try {
    lines.push(...serverLines((await client.query<Row>(sql('server'))).rows[0] ?? {}));
    lines.push(...rightsLines(checked, (await client.query<Row>(sql('rights'), [dataset])).rows[0] ?? {}));
    const tables = [...STREAM_NAMES, ...STREAM_NAMES.map((name) => `${name}_history`), ...RECORD_TABLES];
    const { rows } = await client.query<{ name: string }>(sql('tables without rights'), [
      dataset,
      tables.join(','),
    ]);
    if (rows.length > 0) {
      const names = rows.map(({ name }) => name).join(', ');
      lines.push(
        bad(`rights on the tables of ${dataset}`, `grant SELECT, INSERT, UPDATE and DELETE on ${names}`),
      );
    }
  } catch (error) {
    lines.push(failed(`look around in ${place}`, postgresError(error, place)));
  } finally {
    await client.end().catch(() => undefined);
  }
  lines.push(await migrationLine(dataset, pending));
  lines.push(
    unproven('disk space of the server', 'the server does not tell; a load needs about twice its snapshot'),
  );
  return lines;
}

function lockLine(pooling: Pooling, place: string): CheckLine {
  const tried = 'lock of a run';
  switch (pooling) {
    case 'none':
      return ok(tried, 'no connection pooler is in between');
    case 'session':
      return ok(tried, 'a connection pooler is in between; it keeps one connection for each client');
    case 'transaction':
      return failed(tried, poolerError(place));
    case 'unproven':
      return unproven(
        tried,
        `a connection pooler is in between, and let in no second connection to tell its mode by; in transaction mode it breaks the lock: ${POOLER_HINT}`,
      );
  }
}

function serverLines(server: Row): CheckLine[] {
  const tried = `server version ${server['version'] ?? ''}`;
  const major = Number(server['major']);
  const lines: CheckLine[] = [];
  if (major < VERSIONS.oldest)
    lines.push(bad(tried, `use Postgres ${VERSIONS.oldest} to ${VERSIONS.newest}`));
  else if (major > VERSIONS.newest) lines.push(unproven(tried, `tested up to ${VERSIONS.newest}`));
  else lines.push(ok(tried, 'supported'));
  if (server['standby'] === 't')
    lines.push(bad('write to the server', 'it is a standby: use the primary server'));
  if (server['encoding'] !== 'UTF8') {
    lines.push(bad(`encoding ${server['encoding'] ?? ''}`, 'create the database with ENCODING UTF8'));
  }
  return lines;
}

function rightsLines({ dataset, migrate }: CheckedDataset, rights: Row): CheckLine[] {
  const lines: CheckLine[] = [];
  const tried = `dataset ${dataset}`;
  const usable = rights['dataset_usable'] === 't';
  if (usable && rights['may_create_tables'] === 't')
    lines.push(ok(tried, 'exists; tables may be created in it'));
  else if (usable && migrate === 'manual') lines.push(ok(tried, 'exists; somebody else migrates it'));
  else if (rights['dataset_exists'] === 't')
    lines.push(
      bad(tried, `GRANT USAGE${migrate === 'auto' ? ', CREATE' : ''} ON SCHEMA ${dataset} TO the user`),
    );
  else if (rights['may_create_dataset'] === 't') lines.push(ok(tried, 'does not exist yet; may be created'));
  else lines.push(bad(tried, `CREATE SCHEMA ${dataset} for the user, or GRANT CREATE ON DATABASE`));
  lines.push(
    rights['may_create_temporary'] === 't'
      ? ok('temporary tables', 'may be created')
      : bad('temporary tables', 'GRANT TEMPORARY ON DATABASE to the user'),
  );
  return lines;
}

async function migrationLine(
  dataset: string,
  pending: () => Promise<readonly { readonly name: string }[]>,
): Promise<CheckLine> {
  const tried = `migrations of ${dataset}`;
  try {
    const missing = await pending();
    if (missing.length === 0) return ok(tried, 'all applied');
    return ok(tried, `to be applied: ${missing.map(({ name }) => name).join(', ')}`);
  } catch (error) {
    return failed(tried, error);
  }
}

function ok(tried: string, detail: string): CheckLine {
  return { tried, result: 'ok', detail };
}

function bad(tried: string, detail: string): CheckLine {
  return { tried, result: 'failed', detail };
}

function unproven(tried: string, detail: string): CheckLine {
  return { tried, result: 'not proven', detail };
}

function failed(tried: string, error: unknown): CheckLine {
  const { message, hint } = asConnectorError(error);
  return bad(tried, `${message}; ${hint}`);
}

function sql(name: string): string {
  return statement('postgres', 'session', name);
}
