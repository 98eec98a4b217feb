import { DUCKDB_LIMITS } from './contents.js';
import { growthRows } from './bench-data.js';
import { ratios, RIVALRIES, type Summary } from './bench-summary.js';

/** A goal of the issue, what was seen, and whether it was reached. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly seen: string;
  readonly reached: boolean;
}

/** Peak memory in MB of ours alone, and of ours with Postgres: whatever the server takes is the server's. */
const OUR_PEAK = 300;
const MEMORY_LIMIT_MB = 2 ** 30 / 1e6;
/** The whole process with DuckDB in it. */
const DUCKDB_PEAK = 1.3 * MEMORY_LIMIT_MB + 300;

/** Every goal of the issue whose cases were measured. @param rows of the one large invoice */
export function goalsOf(of: ReadonlyMap<string, Summary>, rows: number): readonly Goal[] {
  const ratioGoals = RIVALRIES.flatMap(({ rival, ours, goal }): Goal[] => {
    const [a, b] = [of.get(ours), of.get(rival)];
    if (goal === null || a === undefined || b === undefined) return [];
    const { time, cpu } = ratios(a, b);
    return [
      {
        what: `${a.what}, against ${b.what}`,
        goal: `at least ${goal.toFixed(1)} times as fast`,
        seen: `${time.toFixed(2)} times (CPU ${cpu.toFixed(2)} times)`,
        reached: time >= goal,
      },
    ];
  });
  return [...ratioGoals, ...syncGoals(of), ...memoryGoals(of), ...growthGoals(of, rows)];
}

function syncGoals(of: ReadonlyMap<string, Summary>): readonly Goal[] {
  const [sync, download, load] = ['sync', 'sync download', 'sync load'].map((id) => of.get(id));
  if (sync === undefined || download === undefined || load === undefined) return [];
  const slower = Math.max(download.seconds, load.seconds);
  return [
    {
      what: 'a sync over HTTP, against the slower of downloading alone and loading alone',
      goal: 'at most 1.20 times as long',
      seen: `${(sync.seconds / slower).toFixed(2)} times (alone: ${download.seconds.toFixed(2)} s and ${load.seconds.toFixed(2)} s)`,
      reached: sync.seconds <= 1.2 * slower,
    },
  ];
}

function memoryGoals(of: ReadonlyMap<string, Summary>): readonly Goal[] {
  const goals: Goal[] = [];
  const [once, thrice] = [of.get('discard 1'), of.get('discard 3')];
  if (once !== undefined && thrice !== undefined) {
    const growth = thrice.peakMb / once.peakMb;
    goals.push({
      what: `peak memory with the sink discarded, ${once.rows} and ${thrice.rows} rows`,
      goal: `at most ${OUR_PEAK} MB, flat within 10 %`,
      seen: `${once.peakMb.toFixed(0)} and ${thrice.peakMb.toFixed(0)} MB`,
      reached: growth <= 1.1 && Math.max(once.peakMb, thrice.peakMb) <= OUR_PEAK,
    });
  }
  for (const [engine, most] of [
    ['postgres', OUR_PEAK],
    ['duckdb', DUCKDB_PEAK],
  ] as const) {
    const loads = [...of.values()].filter(
      ({ id }) =>
        [`${engine} first ours`, `${engine} restated ours`].includes(id) ||
        id.startsWith(`growth ${engine} `),
    );
    if (loads.length === 0) continue;
    const peaks = loads.map(({ peakMb }) => peakMb);
    goals.push({
      what: `peak memory of all our loads into ${engine}${engine === 'duckdb' ? ` (memory_limit ${DUCKDB_LIMITS.memory_limit})` : ''}`,
      goal: `at most ${most.toFixed(0)} MB`,
      seen: peaks.map((peak) => peak.toFixed(0)).join(', ') + ' MB',
      reached: Math.max(...peaks) <= most,
    });
  }
  return goals;
}

/** What a load of next to nothing takes is the constant start, and is taken out of both. */
function growthGoals(of: ReadonlyMap<string, Summary>, rows: number): readonly Goal[] {
  return ['duckdb', 'postgres'].flatMap((engine): Goal[] => {
    const [start, small, large] = growthRows(rows).map((size) => of.get(`growth ${engine} ${size}`));
    if (start === undefined || small === undefined || large === undefined) return [];
    const perRow = ({ seconds, rows: of_ }: Summary): number =>
      (seconds - start.seconds) / (of_ - start.rows);
    const growth = perRow(large) / perRow(small);
    return [
      {
        what: `time a row into ${engine}, ${small.rows} to ${large.rows} rows, without the ${start.seconds.toFixed(2)} s that ${start.rows} take`,
        goal: 'at most 1.15 times',
        seen: `${growth.toFixed(2)} times (${(perRow(small) * 1e6).toFixed(2)} and ${(perRow(large) * 1e6).toFixed(2)} µs)`,
        reached: growth <= 1.15,
      },
    ];
  });
}
