import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { STREAMS, type AttributeSet, type StreamName } from '../../schemas/streams.js';
import type { Destination, QueryResult } from './destination.js';
import { countOf } from './publishing.js';
import { identifier, nameList, prefixed, qualified, statement, type SqlText } from './sql-text.js';

/** Where a scope's restatements are read. */
export interface RestatedScope {
  readonly destination: Destination;
  readonly dataset: string;
  /** A billed stream: estimates of open months keep no history. */
  readonly stream: StreamName;
  readonly scope: string;
}

/** A published snapshot of a scope, as far as comparing it with another one needs it. */
export interface ComparedSnapshot {
  readonly loadId: string;
  readonly eTag: string;
  readonly attributeSet: AttributeSet;
  /** ISO 8601, UTC, without a zone. */
  readonly publishedAt: string;
  /** History says that its load changed rows that Microsoft did not. */
  readonly hasReloadedRows: boolean;
  /** What changed after it is not wholly known any more: its history was purged. */
  readonly isPurged: boolean;
}

/** A line of an invoice before and after: texts by column, null where the line was not there. */
export interface RestatedLine {
  readonly change: 'added' | 'removed' | 'changed';
  readonly lineItemKey: string;
  readonly lineItemOccurrence: string;
  readonly before: ReadonlyMap<string, string | null> | null;
  readonly after: ReadonlyMap<string, string | null> | null;
}

/** The columns that a restated line is told in: the stream's own in their order, then `_extra`, which has the unknown fields. */
export function comparedColumns(stream: StreamName): readonly string[] {
  return [...STREAMS[stream].table.columns.map(({ name }) => name), '_extra'];
}

/** The published snapshots of a scope in the order of publishing. */
export async function publishedSnapshots(of: RestatedScope): Promise<readonly ComparedSnapshot[]> {
  return await of.destination.query(
    diffSql(of, 'snapshots'),
    async (result) => {
      const found: ComparedSnapshot[] = [];
      for await (const [loadId, eTag, attributeSet, publishedAt, reloaded, purged] of result.rows())
        found.push({
          loadId: loadId ?? '',
          eTag: eTag ?? '',
          attributeSet: attributeSet === 'basic' ? 'basic' : 'full',
          publishedAt: publishedAt ?? '',
          hasReloadedRows: countOf(reloaded) > 0,
          isPurged: countOf(purged) > 0,
        });
      return found;
    },
    [of.stream, of.scope],
  );
}

/**
 * The lines of a scope that the given loads, each a restatement of the one before, left other than they found them, by
 * customer. They come as they are read: nothing is held but a few of them.
 */
export async function* restatedLines(
  of: RestatedScope,
  loads: readonly string[],
): AsyncGenerator<RestatedLine> {
  const lines = new PassThrough({ objectMode: true });
  const reading = of.destination
    .query(diffSql(of, 'lines'), (result) => pipeline(Readable.from(linesOf(of.stream, result)), lines), [
      of.stream,
      of.scope,
      loads.join(','),
    ])
    .catch((error: unknown) => void lines.destroy(error as Error));
  yield* lines as AsyncIterable<RestatedLine>;
  await reading;
}

async function* linesOf(stream: StreamName, result: QueryResult): AsyncGenerator<RestatedLine> {
  const columns = comparedColumns(stream);
  for await (const row of result.rows()) {
    const [change, lineItemKey, lineItemOccurrence, ...values] = row;
    const texts = (from: number) =>
      new Map(columns.map((name, index) => [name, values[from + index] ?? null]));
    yield {
      change: change === 'added' || change === 'removed' ? change : 'changed',
      lineItemKey: lineItemKey ?? '',
      lineItemOccurrence: lineItemOccurrence ?? '',
      before: change === 'added' ? null : texts(0),
      after: change === 'removed' ? null : texts(columns.length),
    };
  }
}

function diffSql({ destination, dataset, stream }: RestatedScope, name: string): SqlText {
  const fills = { dataset: identifier(dataset), history: qualified(dataset, `${stream}_history`) };
  if (name === 'snapshots') return statement(destination.dialect, 'diff', name, fills);
  const columns = comparedColumns(stream);
  const row = [...columns, 'line_item_key', 'line_item_occurrence', '_row_hash', '_load_id'];
  return statement(destination.dialect, 'diff', name, {
    ...fills,
    target: qualified(dataset, stream),
    row: nameList(row, 't'),
    before: prefixed(columns, 'b', 'before_'),
    after: prefixed(columns, 'a', 'after_'),
  });
}
