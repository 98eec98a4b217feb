import { STREAMS, type StreamName } from '../schemas/streams.js';
import type { DiffChoice } from './diff-choice.js';
import { currencyOf, movedBy, type DiffSum, type DiffTotals } from './diff-money.js';
import type { QueryResult } from './load/destination.js';
import { comparedColumns, type ComparedSnapshot, type RestatedLine } from './load/restated-lines.js';
import { countOf } from './quantity-text.js';
import { inPieces } from './query-output-type.js';
import { textTable } from './text-table.js';

/** What Microsoft restated in one scope; its lines can be read once. */
export interface Diff {
  readonly stream: StreamName;
  readonly scope: string;
  readonly choice: DiffChoice;
  /** Adds up the lines as they are read. */
  readonly sum: DiffSum;
  readonly lines: () => AsyncIterable<RestatedLine>;
}

/** What a line is known by, in every format. */
const LINE_COLUMNS = [
  'customer_id',
  'customer_name',
  'subscription_id',
  'product_id',
  'sku_id',
  'charge_type',
  'charge_start_date',
] as const;
const TABLE_COLUMNS = ['customer_name', 'subscription_id', 'product_id', 'sku_id', 'charge_type'] as const;

/** A column of a line that differs; for a line that was added or removed, its amount. */
interface Difference {
  readonly column: string;
  readonly before: string | null;
  readonly after: string | null;
  /** Only beside the amount, so that the column adds up to the money moved. */
  readonly moved: string | null;
}

/** The columns in which a line differs, in their order; of a line that was added or removed only the amount is told. */
export function differencesOf(stream: StreamName, line: RestatedLine): readonly Difference[] {
  const { amount } = STREAMS[stream].table;
  const of = (column: string): Difference => ({
    column,
    before: line.before?.get(column) ?? null,
    after: line.after?.get(column) ?? null,
    moved: column === amount ? movedBy(stream, line) : null,
  });
  if (line.change !== 'changed') return [of(amount)];
  return comparedColumns(stream)
    .map(of)
    .filter(({ before, after }) => before !== after);
}

/** All differences as one result, a row a column that differs, to be written as CSV. Numbers are exact texts. */
export function diffRows(diffs: readonly Diff[]): QueryResult {
  const texts = (...names: readonly string[]) => names.map((name) => ({ name, type: 'VARCHAR' }));
  return {
    columns: [
      ...texts('stream', 'scope', 'from_etag', 'to_etag', 'change', ...LINE_COLUMNS),
      ...texts('line_item_key', 'line_item_occurrence', 'currency', 'column', 'before', 'after'),
      { name: 'moved', type: 'DECIMAL(38,22)' },
    ],
    rows: async function* () {
      for (const { stream, scope, choice, sum, lines } of diffs) {
        for await (const line of lines()) {
          sum.add(line);
          for (const { column, before, after, moved } of differencesOf(stream, line))
            yield [
              ...[stream, scope, choice.from.eTag, choice.to.eTag, line.change],
              ...LINE_COLUMNS.map((name) => valueOf(line, name)),
              ...[line.lineItemKey, line.lineItemOccurrence, currencyOf(stream, line)],
              ...[column, before, after, moved],
            ];
        }
      }
    },
  };
}

/** The differences of one scope for people, without what is the same on every row. */
export function diffTable({ stream, sum, lines }: Diff): QueryResult {
  const texts = (...names: readonly string[]) => names.map((name) => ({ name, type: 'VARCHAR' }));
  return {
    columns: [
      ...texts('change', ...TABLE_COLUMNS, 'line', 'currency', 'column', 'before', 'after'),
      { name: 'moved', type: 'DECIMAL(38,22)' },
    ],
    rows: async function* () {
      for await (const line of lines()) {
        sum.add(line);
        const known = TABLE_COLUMNS.map((name) => valueOf(line, name) ?? '');
        const id = `${line.lineItemKey}/${line.lineItemOccurrence}`;
        for (const { column, before, after, moved } of differencesOf(stream, line))
          yield [line.change, ...known, id, currencyOf(stream, line), column, before, after, moved ?? ''];
      }
    },
  };
}

/** All differences as one JSON document, in pieces: per scope the snapshots, the lines, and what they come to. */
export function diffJson(diffs: readonly Diff[]): AsyncGenerator<string> {
  return inPieces(jsonLines(diffs));
}

async function* jsonLines(diffs: readonly Diff[]): AsyncGenerator<string> {
  let first = true;
  yield '[';
  for (const { stream, scope, choice, sum, lines } of diffs) {
    const { from, to, reloads } = choice;
    const head = {
      stream,
      scope,
      from: snapshotFacts(from),
      to: snapshotFacts(to),
      reloads: reloads.map(snapshotFacts),
    };
    yield `${first ? '' : ','}\n${JSON.stringify(head).slice(0, -1)},"changes":[`;
    let before = '\n';
    for await (const line of lines()) {
      sum.add(line);
      yield `${before}${JSON.stringify(lineFacts(stream, line))}`;
      before = ',\n';
    }
    yield `],${JSON.stringify(sum.totals).slice(1)}`;
    first = false;
  }
  yield '\n]\n';
}

function snapshotFacts({ loadId, eTag, attributeSet, publishedAt }: ComparedSnapshot): object {
  return { loadId, eTag, attributeSet, publishedAt: `${publishedAt}Z` };
}

function lineFacts(stream: StreamName, line: RestatedLine): object {
  const { change, lineItemKey, lineItemOccurrence, before, after } = line;
  return {
    change,
    lineItemKey,
    lineItemOccurrence: Number(lineItemOccurrence),
    ...Object.fromEntries(LINE_COLUMNS.map((name) => [name, valueOf(line, name)])),
    currency: currencyOf(stream, line),
    moved: movedBy(stream, line),
    ...(change === 'changed'
      ? {
          columns: differencesOf(stream, line).map(({ column, before: old, after: now }) => ({
            column,
            before: old,
            after: now,
          })),
        }
      : {}),
    ...(change === 'removed' && before !== null ? { before: Object.fromEntries(before) } : {}),
    ...(change === 'added' && after !== null ? { after: Object.fromEntries(after) } : {}),
  };
}

function valueOf({ before, after }: RestatedLine, column: string): string | null {
  return (after ?? before)?.get(column) ?? null;
}

/** Which snapshots are compared, for people. */
export function diffHead({ stream, scope, choice }: Diff): string {
  const { from, to, reloads } = choice;
  const named = ({ eTag, publishedAt }: ComparedSnapshot) => `eTag ${eTag} (published ${publishedAt}Z)`;
  return [
    `${stream} ${scope}: ${named(from)} to ${named(to)}`,
    ...reloads.map(
      (one) => `reloaded by the connector at ${one.publishedAt}Z, and not counted: ${named(one)}`,
    ),
  ].join('\n');
}

/** What the lines come to, for people: how many, and the money moved by currency. */
export function diffTotalsText({ lines, money }: DiffTotals): string {
  const { added, removed, changed } = lines;
  if (added + removed + changed === 0) return 'Microsoft restated nothing';
  const counted = `${countOf(changed, 'line')} changed, ${countOf(added, 'line')} added, ${countOf(removed, 'line')} removed`;
  const columns = ['added', 'removed', 'changed', 'moved'] as const;
  return [
    counted,
    '',
    textTable(
      [{ title: 'currency' }, ...columns.map((title) => ({ title, align: 'right' as const }))],
      Object.entries(money).map(([currency, sums]) => [currency, ...columns.map((name) => sums[name])]),
    ),
  ].join('\n');
}
