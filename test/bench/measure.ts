import { readFileSync } from 'node:fs';
import { systemClock } from '../../connector/clock.js';

/** What a side holds in the end, as its engine says it: rows, and the sum of each number column as text. */
export interface Contents {
  readonly rows: number;
  readonly sums: Readonly<Record<string, string>>;
  /** Rows that the history has; only of our tables. */
  readonly history?: number;
  /** The rows together with those that vanished, as a rival has them that never deletes; only of our tables. */
  readonly withVanished?: Contents;
}

/** What one case of the benchmark measured, in a process of its own. */
export interface Measurement {
  /** Names the case among all of a run. */
  readonly id: string;
  /** What it is, for people. */
  readonly what: string;
  readonly rows: number;
  /** Wall-clock seconds of the measured work, without the start of the process. */
  readonly seconds: number;
  /** CPU seconds of this process and of those it started, all threads. */
  readonly cpuSeconds: number;
  /** CPU seconds meanwhile of all processes of the Postgres server, or of the sandbox; null where there is none, or no /proc. */
  readonly serverCpuSeconds: number | null;
  /** Peak resident memory of this process, in MB (10^6 bytes), taken before anything was checked. */
  readonly peakMb: number;
  /** Wall-clock seconds of its parts, by name; they may overlap with another process's, never with each other. */
  readonly stages: Readonly<Record<string, number>>;
  /** Null where nothing is kept. */
  readonly contents: Contents | null;
  /** Counts that the work itself gave. */
  readonly counts: Readonly<Record<string, number>>;
  /** Something that a reader of the figure must know, such as that it is extrapolated. */
  readonly note?: string;
}

/** What the measured work gives back. */
export interface Done {
  readonly rows: number;
  readonly stages?: Readonly<Record<string, number>>;
  readonly counts?: Readonly<Record<string, number>>;
  readonly note?: string;
}

/** What is measured: the work, and how to look afterwards at what it left. */
export interface Measured {
  readonly id: string;
  readonly what: string;
  readonly work: () => Promise<Done>;
  /** Reads CPU seconds of a server. */
  readonly serverCpu?: () => Promise<number | null>;
  /** Not timed. */
  readonly look?: () => Promise<Contents>;
}

/** Runs the work once and measures it. */
export async function measure(measured: Measured): Promise<Measurement> {
  const { id, what, work, serverCpu = () => Promise.resolve(null), look } = measured;
  const serverBefore = await serverCpu();
  const cpuBefore = cpuSeconds();
  const start = systemClock.monotonicMs();
  const done = await work();
  const seconds = (systemClock.monotonicMs() - start) / 1000;
  const cpu = cpuSeconds() - cpuBefore;
  const peakMb = peakBytes() / 1e6;
  const serverAfter = await serverCpu();
  return {
    ...{ id, what, seconds, peakMb, cpuSeconds: cpu },
    rows: done.rows,
    serverCpuSeconds: serverBefore === null || serverAfter === null ? null : serverAfter - serverBefore,
    stages: done.stages ?? {},
    counts: done.counts ?? {},
    contents: look === undefined ? null : await look(),
    ...(done.note === undefined ? {} : { note: done.note }),
  };
}

/** Of this process, and of its children that ended (psql): the system counts those by hundredths of a second. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const stat = readOrEmpty('/proc/self/stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const children = (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / 100;
  return (user + system) / 1e6 + children;
}

/** Most bytes that were resident at once; `maxRSS` can be that of the process that started this one. */
export function peakBytes(): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readOrEmpty('/proc/self/status'))?.[1];
  return found === undefined ? process.resourceUsage().maxRSS * 1024 : Number(found) * 1024;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
