import { readFile, readdir } from 'node:fs/promises';
import type pg from 'pg';

/** Reads how many CPU seconds an engine has used so far; null where that cannot be told. */
export type ReadCpu = () => Promise<number | null>;

/** Of this process, which is DuckDB's too. */
export const ownCpu: ReadCpu = () => {
  const { user, system } = process.cpuUsage();
  return Promise.resolve((user + system) / 1e6);
};

const TICKS_PER_SECOND = 100;

/** Of a Postgres server on this machine, all of its processes, those that ended included; where there is a /proc. */
export async function serverCpu(client: pg.Client): Promise<ReadCpu> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const backend = await processStat(String(rows[0]?.pid));
  return async () => {
    if (backend === null) return null;
    const postmaster = await processStat(backend.parent);
    const all = await Promise.all(
      (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(processStat),
    );
    const children = all.flatMap((one) => (one?.parent === backend.parent ? [one.own] : []));
    const ticks = children.reduce((sum, own) => sum + own, postmaster?.ended ?? 0);
    return ticks / TICKS_PER_SECOND;
  };
}

/** Ticks of a process, and of its children that ended; null where it is not there. */
async function processStat(pid: string): Promise<{ parent: string; own: number; ended: number } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  // After the name, which may hold anything: state, parent, ... utime, stime, cutime, cstime.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const at = (index: number): number => Number(fields[index] ?? '0');
  return { parent: fields[1] ?? '', own: at(11) + at(12), ended: at(13) + at(14) };
}
