import { createHash } from 'node:crypto';
import { INVOICE } from '../e2e/generated-month.js';
import type { ReadCpu } from './large-cpu.js';
import type { RunQuery, TextRows } from './large-query.js';
import type { LargeView } from './large-views.js';

/** Engines, each with the seconds that a view may take for an invoice of 1,000,000 rows in a warehouse of 10,000,000. */
export const BOUNDS = { duckdb: 2, postgres: 10 } as const;

/** See {@link BOUNDS}. */
export type Engine = keyof typeof BOUNDS;

type Rows = TextRows['rows'];

/** What was seen of one view on one engine. */
export interface LargeMeasurement {
  readonly view: string;
  readonly engine: Engine;
  readonly seconds: number;
  /** CPU seconds of the engine in that run: on a busy machine what it would take is nearer to these; null: not known. */
  readonly cpuSeconds: number | null;
  readonly rows: number;
  /** Of its rows as canonical text, in no order: the same on both engines. */
  readonly digest: string;
  /** What it says otherwise than expected; empty where all is as it should be. */
  readonly wrong: readonly string[];
}

/** Runs the view, again where it took longer than its bound: the machine may be busy, and the quicker run counts. */
export async function measureView(
  engine: Engine,
  { run, cpu }: { readonly run: RunQuery; readonly cpu: ReadCpu },
  of: LargeView,
  sums: Readonly<Record<'usage' | 'lines', string>>,
): Promise<LargeMeasurement> {
  const timed = async () => {
    const [before, start] = [await cpu(), performance.now()];
    const found = await run(of.view, of.where);
    const [after, seconds] = [await cpu(), (performance.now() - start) / 1000];
    return { ...found, seconds, cpuSeconds: before === null || after === null ? null : after - before };
  };
  const first = await timed();
  const again = first.seconds > BOUNDS[engine] ? await timed() : first;
  const { seconds, cpuSeconds } = again.seconds < first.seconds ? again : first;
  const { names, rows } = first;
  const texts = rows.map((row) => row.map((value) => (value === null ? null : canonical(value))));
  return {
    ...{ view: of.view, engine, seconds, cpuSeconds, rows: rows.length },
    digest: digestOf(texts),
    wrong: [...wrongCounts(of, names, rows), ...wrongSum(of, names, rows, sums)],
  };
}

/** The exact sums of the invoice, by nothing but its tables. */
export async function sumsOfInvoice(run: RunQuery): Promise<Readonly<Record<'usage' | 'lines', string>>> {
  const sumOf = async (column: string, table: string): Promise<string> => {
    const { rows } = await run(table, `invoice_number = '${INVOICE}'`, `sum(${column})`);
    return canonical(rows[0]?.[0] ?? '');
  };
  return {
    usage: await sumOf('billing_pre_tax_total', 'billed_usage'),
    lines: await sumOf('subtotal', 'billed_reconciliation'),
  };
}

function wrongCounts(of: LargeView, names: readonly string[], rows: Rows): readonly string[] {
  const at = names.indexOf('status');
  const counts: Record<string, number> = {};
  for (const row of rows) {
    const status = at < 0 ? 'rows' : (row[at] ?? 'null');
    const name = status === 'matched' || status === 'within_tolerance' ? 'agrees' : status;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  const all = [...new Set([...Object.keys(counts), ...Object.keys(of.expected)])];
  return all
    .filter((name) => counts[name] !== of.expected[name])
    .map((name) => `${name}: ${counts[name] ?? 0}, expected ${of.expected[name] ?? 0}`);
}

function wrongSum(
  { sum }: LargeView,
  names: readonly string[],
  rows: Rows,
  sums: Readonly<Record<'usage' | 'lines', string>>,
): readonly string[] {
  if (sum === undefined) return [];
  const [column, of] = sum;
  const at = names.indexOf(column);
  const units = rows.reduce((total, row) => total + unscaled(row[at] ?? '0'), 0n);
  return units === unscaled(sums[of]) ? [] : [`the sum of ${column} is not that of the ${of}`];
}

/** In units of 10^-22. */
function unscaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(22, '0'));
}

/** The same text for the same number, whatever scale a database writes it with. */
function canonical(text: string): string {
  return /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text;
}

function digestOf(rows: Rows): string {
  const lines = rows.map((row) => JSON.stringify(row)).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
