import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { ConfigError } from '../../../schemas/errors.js';
import { statement } from '../sql-text.js';
import { postgresError } from './postgres-error.js';
import { clientConfig, connectBare, type SessionOptions } from './session.js';

/**
 * What is between the connector and the server: nothing; a pooler that gives each client one connection of the server
 * for as long as it stays; one that gives it any connection for each transaction; or a pooler of which neither could
 * be proven, because a second connection was not let in.
 */
export type Pooling = 'none' | 'session' | 'transaction' | 'unproven';

/** What to do about a pooler in transaction mode. */
export const POOLER_HINT =
  'connect to the server itself, or to a pooler in session mode: PgBouncer with pool_mode = session, Supabase on port ' +
  '5432 in place of 6543, Azure on 5432 in place of 6432, Amazon RDS without the proxy';

/** Tries; between them a pooler with traffic of others may hand out other connections. */
const ROUNDS = 3;
const PATIENCE_MS = 10_000;

type ProbeRow = Readonly<Record<'pid' | 'kept', string | null>>;

/**
 * Looks for a pooler without leaving a setting in a connection that it may give to others. A server's process belongs
 * to one client only, except in transaction mode; so two bare connections betray it: the first takes an advisory lock
 * of its own, the second opens a transaction, and either the second is answered by the first one's process, or the
 * first is answered by another process than before, or its lock is gone.
 *
 * Proxies that pin a client once it locks or sets something (Amazon RDS, PgDog) count as `session`, for they keep the
 * lock of a run. The limits: a pooler that runs as several processes may put both connections in different ones, where
 * they never meet; and one that repeats the number of a server's process when a client connects, as no known pooler
 * does, is tried once only. Then the run's lock, which is looked at again once it is taken, is the last resort.
 * @param patienceMs how long the second connection waits to be let in
 * @throws ConnectorError when the server cannot be reached
 */
export async function findPooling(
  options: SessionOptions,
  place: string,
  patienceMs = PATIENCE_MS,
): Promise<Pooling> {
  const key = randomUUID();
  const first = await connectBare(clientConfig(options), place);
  try {
    const { rows } = await first.query<ProbeRow>(sql('begin probe'), [key]);
    const pid = rows[0]?.pid ?? '';
    // A pooler cannot know the process that will answer, so it greets with a number of its own.
    const isDirect = 'processID' in first && String(first.processID) === pid;
    for (let round = 0; round < (isDirect ? 1 : ROUNDS); round += 1) {
      const found = await tryTwo(options, place, { first, pid, key, patienceMs });
      if (found === 'shared') return 'transaction';
      if (found === 'not let in') return isDirect ? 'none' : 'unproven';
    }
    return isDirect ? 'none' : 'session';
  } catch (error) {
    throw postgresError(error, place);
  } finally {
    await first.query(sql('end probe'), [key]).catch(() => undefined);
    await first.end().catch(() => undefined);
  }
}

/**
 * A check to make before anything of ours is set or locked; looks once for all, and again where it could not look.
 * @throws ConfigError when a pooler in transaction mode is in between
 */
export function poolerGuard(
  options: SessionOptions,
  place: string,
  onUnproven: () => void,
): () => Promise<void> {
  let found: Promise<Pooling> | undefined;
  return async () => {
    const isFirst = found === undefined;
    found ??= findPooling(options, place);
    const pooling = await found.catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    if (pooling === 'transaction') throw poolerError(place);
    if (pooling === 'unproven' && isFirst) onUnproven();
  };
}

/** The error for a pooler in transaction mode. */
export function poolerError(place: string): ConfigError {
  return new ConfigError({
    message: `${place}: a connection pooler in transaction mode is in between; it breaks the lock of a run, and settings and locks of ours would stay in connections of others`,
    hint: POOLER_HINT,
    facts: { pooling: 'transaction' },
  });
}

interface Probe {
  readonly first: pg.Client;
  /** The process that answered the first connection. */
  readonly pid: string;
  readonly key: string;
  readonly patienceMs: number;
}

async function tryTwo(
  options: SessionOptions,
  place: string,
  { first, pid, key, patienceMs }: Probe,
): Promise<'shared' | 'apart' | 'not let in'> {
  const isMoved = async (): Promise<boolean> => {
    const { rows } = await first.query<ProbeRow>(sql('probe'), [key]);
    return rows[0]?.pid !== pid || rows[0].kept !== 't';
  };
  const patient = { ...clientConfig(options), query_timeout: patienceMs };
  if (await isMoved()) return 'shared';
  const second = await connectBare(patient, place).catch(() => undefined);
  if (second === undefined) return 'not let in';
  try {
    const other = await processInTransaction(second);
    if (other === 'not let in') return other;
    if (other === pid) await second.query(sql('end probe'), [key]);
    if (other === 'refused' || other === pid || (await isMoved())) return 'shared';
    await second.query('ROLLBACK');
    return (await isMoved()) ? 'shared' : 'apart';
  } finally {
    await second.end().catch(() => undefined);
  }
}

async function processInTransaction(client: pg.Client): Promise<string> {
  try {
    await client.query('BEGIN');
    return (await client.query<ProbeRow>(sql('probe'), [''])).rows[0]?.pid ?? '';
  } catch (error) {
    // PgBouncer's words in statement mode, which is transaction mode without transactions.
    return error instanceof Error && /statement pooling/.test(error.message) ? 'refused' : 'not let in';
  }
}

function sql(name: string): string {
  return statement('postgres', 'session', name);
}
