import type { Measurement } from './measure.js';

/** A case over all of its turns: the turn of median time, and the highest memory of all. */
export interface Summary extends Measurement {
  readonly turns: number;
  readonly fastest: number;
}

/** The measurements by id, in the order in which they were first made. */
export function summaries(measurements: readonly Measurement[]): ReadonlyMap<string, Summary> {
  const byId = new Map<string, Measurement[]>();
  for (const one of measurements) byId.set(one.id, [...(byId.get(one.id) ?? []), one]);
  return new Map(
    [...byId].map(([id, turns]) => {
      const sorted = turns.toSorted((a, b) => a.seconds - b.seconds);
      const median = sorted[Math.floor(sorted.length / 2)] as Measurement;
      const peakMb = Math.max(...turns.map((turn) => turn.peakMb));
      return [id, { ...median, peakMb, turns: turns.length, fastest: sorted[0]?.seconds ?? NaN }];
    }),
  );
}

/** A rival beside the one of ours that does the same. */
export interface Rivalry {
  readonly rival: string;
  readonly ours: string;
  /** So many times our time must the rival take; null where it is only shown. */
  readonly goal: number | null;
}

/** Who is compared with whom; see the table and docs/performance.md. */
export const RIVALRIES: readonly Rivalry[] = [
  { rival: 'decode JSON.parse', ours: 'decode ours', goal: 5 },
  { rival: 'decode reference', ours: 'decode ours', goal: null },
  { rival: 'duckdb first DOUBLE', ours: 'duckdb first ours', goal: 1.5 },
  { rival: 'duckdb first DECIMAL', ours: 'duckdb first ours', goal: null },
  { rival: 'duckdb first unlimited', ours: 'duckdb first ours', goal: null },
  { rival: 'duckdb first numbered', ours: 'duckdb first ours', goal: null },
  { rival: 'duckdb restated MERGE', ours: 'duckdb restated ours', goal: 1.5 },
  { rival: 'duckdb restated numbered', ours: 'duckdb restated ours', goal: null },
  { rival: 'postgres first copy', ours: 'postgres first ours', goal: 1 },
  { rival: 'postgres first single rows', ours: 'postgres first ours', goal: 10 },
  { rival: 'postgres restated upsert', ours: 'postgres restated ours', goal: 1.2 },
  { rival: 'postgres restated upsert of changes', ours: 'postgres restated ours', goal: null },
];

/** How many times longer, a row, the rival took; and how many times more CPU, the server's included. */
export function ratios(ours: Summary, rival: Summary): { readonly time: number; readonly cpu: number } {
  const cpu = ({ cpuSeconds, serverCpuSeconds, rows }: Summary): number =>
    (cpuSeconds + (serverCpuSeconds ?? 0)) / rows;
  return {
    time: rival.seconds / rival.rows / (ours.seconds / ours.rows),
    cpu: cpu(rival) / cpu(ours),
  };
}
