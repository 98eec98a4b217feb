import type { Scope } from '../../schemas/scope.js';
import { STREAMS, type StreamName } from '../../schemas/streams.js';
import type { Table } from '../../schemas/table.js';
import { addDecimals } from './add-decimals.js';
import type { SqlReading, SqlValue, TextRow } from './destination.js';
import { countOf, rowsDigestOf } from './publishing.js';
import type { RowKey, ScopeContent, StoredRow, StrayRows } from './scope-content.js';
import { identifier, nameList, qualified, type Fills, type SqlText } from './sql-text.js';
import { proofSql, readProof } from './stored-proof.js';

/** Reads one state of a scope for `use`; all that it reads is of this state. */
export async function readScope<T>(
  reading: SqlReading,
  dataset: string,
  scope: Scope,
  use: (content: ScopeContent) => Promise<T>,
): Promise<T> {
  const { table } = STREAMS[scope.stream];
  const proof = await readProof(reading, dataset, scope);
  const fills = tableFills(reading, dataset, table);
  const sql = (name: string): SqlText => proofSql(reading, dataset, name, fills);
  const values = scopeValues(scope, proof?.document.invoice_numbers ?? []);
  const [sums] = await reading.rows(sql('rows digest'), values);
  const digest = rowsDigestOf(sums);
  return await use({
    proof,
    digest,
    sums: await sumsOf(reading, sql('sums'), values),
    rows: () => storedRows(reading.stream(sql('rows'), values, digest.rows)),
    repeated: async () => (await reading.rows(sql('repeated rows'), values)).map(rowKey),
    rowsOfHash: async (rowHash) => (await reading.rows(sql('rows of hash'), [rowHash])).map(rowKey),
  });
}

/** Rows of a stream's table whose invoice number, or month and currency, no published snapshot of it accounts for. */
export async function readStrayRows(
  reading: SqlReading,
  dataset: string,
  stream: StreamName,
): Promise<StrayRows> {
  const published = await reading.rows(proofSql(reading, dataset, 'published scopes'), [stream]);
  const accounted = published.flatMap((row) => [
    row['scope'] ?? '',
    ...(JSON.parse(row['invoice_numbers'] ?? '[]') as string[]),
  ]);
  const fills = tableFills(reading, dataset, STREAMS[stream].table);
  const sql = proofSql(reading, dataset, 'rows of no scope', fills);
  const rows = await reading.rows(sql, [JSON.stringify(accounted)]);
  return { rows: countOf(rows[0]?.['records'] ?? '0'), keys: rows.map(rowKey) };
}

function tableFills(reading: SqlReading, dataset: string, table: Table): Fills {
  const own = { currency: identifier(table.currency), amount: identifier(table.amount) };
  const part = (name: string): SqlText => proofSql(reading, dataset, name, own);
  return {
    ...own,
    target: qualified(dataset, table.name),
    columns_t: nameList(
      table.columns.map(({ name }) => name),
      't',
    ),
    digest: part('digest'),
    in_scope: part(`rows by ${table.scopedBy}`),
    scope_text: part(`scope text by ${table.scopedBy}`),
  };
}

/** An invoice has the rows of every invoice number that its published records carried. */
function scopeValues(scope: Scope, invoiceNumbers: readonly string[]): readonly SqlValue[] {
  if (scope.by === 'month') return [`${scope.month}-01`, scope.currency.toUpperCase()];
  return [JSON.stringify([...new Set([scope.invoice, ...invoiceNumbers])])];
}

async function sumsOf(
  reading: SqlReading,
  sql: SqlText,
  values: readonly SqlValue[],
): Promise<Readonly<Record<string, string>>> {
  const rows = await reading.rows(sql, values);
  return Object.fromEntries(
    rows.map((row) => [row['currency'] ?? '', addDecimals(row['whole'] ?? '0', row['fraction'] ?? '0')]),
  );
}

async function* storedRows(rows: AsyncIterable<readonly (string | null)[]>): AsyncGenerator<StoredRow> {
  for await (const [lineItemKey, occurrence, rowHash, extra, ...texts] of rows) {
    yield {
      lineItemKey: lineItemKey ?? '',
      occurrence: countOf(occurrence),
      rowHash: rowHash ?? '',
      extra: extra ?? null,
      texts,
    };
  }
}

function rowKey(row: TextRow): RowKey {
  const scope = row['scope'] ?? null;
  return {
    lineItemKey: row['line_item_key'] ?? '',
    occurrence: countOf(row['line_item_occurrence']),
    ...(scope === null ? {} : { scope }),
  };
}
