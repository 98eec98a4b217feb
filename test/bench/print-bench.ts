import Table from 'cli-table3';
import type { Finding } from './bench-checks.js';
import type { Goal } from './bench-goals.js';
import { ratios, RIVALRIES, type Summary } from './bench-summary.js';

/** What `npm run bench` saw. */
export interface BenchResult {
  readonly rows: number;
  readonly summaries: readonly Summary[];
  readonly goals: readonly Goal[];
  readonly findings: readonly Finding[];
}

const HEAD = [
  'case',
  'rows',
  'seconds',
  'rows/s',
  'CPU s',
  'server CPU s',
  'peak MB',
  'time ÷ ours',
  'CPU ÷ ours',
];
/** A line under the head only: with one under each row the table would be twice as long. */
const NO_LINES = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** One table of every case, the goals, and what each side holds. What failed comes last. */
export function printBench({ summaries, goals, findings }: BenchResult): void {
  const table = new Table({ head: HEAD, style: { head: [], border: [] }, chars: NO_LINES });
  const of = new Map(summaries.map((one) => [one.id, one]));
  for (const one of summaries) {
    table.push(lineOf(one, of));
    for (const [stage, seconds] of Object.entries(one.stages))
      table.push([`   ${stage}`, '', seconds.toFixed(2), rate(one.rows, seconds), '', '', '', '', '']);
  }
  const reached = goals.filter((goal) => goal.reached).length;
  const lines = [
    table.toString(),
    ...summaries.flatMap(noteOf),
    '',
    `goals: ${reached} of ${goals.length} reached`,
    ...goals.map(
      ({ what, goal, seen, reached: is }) =>
        `${is ? 'reached    ' : 'NOT REACHED'} ${what}: ${seen}; the goal is ${goal}`,
    ),
    '',
    'what each side holds:',
    ...findings
      .toSorted((a, b) => Number(b.holds) - Number(a.holds))
      .map(({ what, holds, isRivals }) => `${holds ? (isRivals ? 'rival' : 'ok   ') : 'FAIL '} ${what}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function lineOf(one: Summary, of: ReadonlyMap<string, Summary>): string[] {
  const rivalry = RIVALRIES.find(({ rival }) => rival === one.id);
  const ours = rivalry === undefined ? undefined : of.get(rivalry.ours);
  const ratio = ours === undefined ? null : ratios(ours, one);
  const isOurs = RIVALRIES.some((other) => other.ours === one.id);
  return [
    one.what,
    one.rows === 0 ? '' : String(one.rows),
    one.seconds.toFixed(2),
    rate(one.rows, one.seconds),
    one.cpuSeconds.toFixed(2),
    one.serverCpuSeconds?.toFixed(2) ?? '',
    one.peakMb.toFixed(0),
    ratio?.time.toFixed(2) ?? (isOurs ? '1' : ''),
    ratio?.cpu.toFixed(2) ?? (isOurs ? '1' : ''),
  ];
}

function noteOf({ what, turns, fastest, note }: Summary): string[] {
  const said = [
    ...(turns === 1 ? [] : [`median of ${turns}, best ${fastest.toFixed(2)} s`]),
    ...(note === undefined ? [] : [note]),
  ];
  return said.length === 0 ? [] : [`  ${what}: ${said.join('; ')}`];
}

function rate(rows: number, seconds: number): string {
  return rows === 0 || seconds === 0 ? '' : Math.round(rows / seconds).toString();
}
