import type pg from 'pg';
import { LockedError } from '../../../schemas/errors.js';
import type { Report } from '../../../schemas/progress.js';
import type { LockHolder, RunLock } from '../destination.js';
import { statement } from '../sql-text.js';
import { postgresError } from './postgres-error.js';
import { poolerError } from './pooler.js';
import { connectAlone, type SessionOptions } from './session.js';

/** Who asks for the lock of which dataset. */
export interface LockRequest {
  readonly dataset: string;
  readonly holder: LockHolder;
  /** Names the server in errors. */
  readonly place: string;
  readonly report?: Report | undefined;
}

/**
 * Takes the dataset for one run: an advisory lock on a connection of its own, which the server frees when the
 * connection ends, however it ends.
 * @throws LockedError when another run has it; says who and since when
 * @throws ConfigError when the lock does not stay, as behind a pooler in transaction mode
 */
export async function lockRun(options: SessionOptions, request: LockRequest): Promise<RunLock> {
  const { dataset, holder, place, report } = request;
  const named = { ...options, applicationName: holderName(holder) };
  let released = false;
  const client = await connectAlone(named, place, (error) => {
    if (released) return;
    released = true;
    const message = `${place}: the connection that holds the run's lock broke: ${error.message}`;
    report?.({
      event: 'warning',
      message,
      hint: 'another run may begin now; each publish still has a lock of its own',
    });
  });
  try {
    const taken = await client.query<{ taken: string }>(sql('try lock'), [dataset]);
    if (taken.rows[0]?.taken !== 't') throw await heldBy(client, dataset, place);
    const kept = await client.query<{ kept: string }>(sql('keeps lock'), [dataset]);
    if (kept.rows[0]?.kept !== 't') throw poolerError(place);
  } catch (error) {
    released = true;
    await client.end().catch(() => undefined);
    throw postgresError(error, place);
  }
  return {
    release: async () => {
      released = true;
      await client.query(sql('unlock'), [dataset]).catch(() => undefined);
      await client.end().catch(() => undefined);
    },
  };
}

async function heldBy(client: pg.Client, dataset: string, place: string): Promise<LockedError> {
  const { rows } = await client.query<{ holder: string | null; since: string | null; backend: string }>(
    sql('lock holder'),
    [dataset],
  );
  const [row] = rows;
  const who = row?.holder ?? 'a run that has just ended';
  const since = row?.since === null || row?.since === undefined ? '' : ` since ${row.since}`;
  return new LockedError({
    message: `${place}: dataset ${dataset} is held by ${who}${since}`,
    hint: 'wait for that run to end; the server frees the lock when its process dies',
    facts: { dataset, holder: row?.holder, since: row?.since, backend: row?.backend },
  });
}

/** At most 63 bytes, which is all the server keeps; the host's name is what can be missed. */
function holderName({ runId, host, pid }: LockHolder): string {
  return `partner-billing ${runId} pid ${pid} on ${host}`;
}

function sql(name: string): string {
  return statement('postgres', 'session', name);
}
