import { IntegrityError, type Fact } from '../../schemas/errors.js';
import { sumOf64, type RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText } from '../../schemas/scope.js';
import { columnNamed, scopeColumns, type Table } from '../../schemas/table.js';
import { arrowSchema, LINEAGE_FIELDS } from '../../schemas/table-arrow.js';
import type { PublishRequest, SqlTransaction, TextRow } from './destination.js';
import type { StagingTarget } from './staging-target.js';
import { identifier, qualified, statement, type Fills, type SqlText } from './sql-text.js';

/** One snapshot on its way into a dataset: what every step of a publish is given. */
export interface Publishing {
  readonly transaction: SqlTransaction;
  readonly dataset: string;
  readonly request: PublishRequest;
}

/** Name of the staging table: temporary, so that only the publishing session sees it. */
export const STAGED = 'staged';

/** A statement of `sql/<dialect>/publish.sql`. `{{dataset}}`, `{{target}}` and `{{in_scope}}` need not be given. */
export function publishSql(publishing: Publishing, name: string, fills: Fills = {}): SqlText {
  const { table } = publishing.request;
  const { dialect } = publishing.transaction;
  const own: Fills = {
    dataset: identifier(publishing.dataset),
    target: qualified(publishing.dataset, table.name),
    amount: identifier(table.amount),
    currency: identifier(table.currency),
    tenant: identifier(table.tenant),
  };
  const inScope = statement(dialect, 'publish', `in scope by ${table.scopedBy}`, own);
  return statement(dialect, 'publish', name, { ...own, in_scope: inScope, ...fills });
}

/** A count that a statement returned as text. @throws RangeError when it is no whole number that fits. */
export function countOf(text: string | null | undefined): number {
  const count = Number(text);
  if (text === null || text === undefined || !Number.isSafeInteger(count)) {
    throw new RangeError('the database returned a count that is none');
  }
  return count;
}

/** The digest in the one row that the columns `digest` of `sql/<dialect>/proof.sql` make. */
export function rowsDigestOf(row: TextRow | undefined): RowsDigest {
  const sum = (name: string): bigint => sumOf64(BigInt(row?.[name] ?? ''));
  return { rows: countOf(row?.['records']), high: sum('high'), low: sum('low') };
}

/** The one count that a statement returns as `records`. */
export async function countRecords(publishing: Publishing, name: string, fills: Fills = {}): Promise<number> {
  const [row] = await publishing.transaction.rows(publishSql(publishing, name, fills));
  return countOf(row?.['records']);
}

/** Definitions of the staging table: the columns of a batch in their order, then `_blob_name`. */
export function stagingColumns(
  publishing: Publishing,
): readonly { readonly name: string; readonly type: SqlText }[] {
  const typeNamed = (type: string): SqlText => statement(publishing.transaction.dialect, 'types', type);
  const { columns } = publishing.request.table;
  return [
    ...columns.map(({ name, type }) => ({ name, type: typeNamed(type) })),
    ...Object.keys(LINEAGE_FIELDS).map((name) => ({ name, type: typeNamed(LINEAGE_TYPES[name] ?? 'text') })),
    { name: '_blob_name', type: typeNamed('text') },
  ];
}

const LINEAGE_TYPES: Readonly<Record<string, string>> = {
  line_item_key: 'uuid',
  _row_hash: 'uuid',
  _line_number: 'integer',
  _extra: 'json',
} satisfies Record<keyof typeof LINEAGE_FIELDS, string>;

/** The staging table as batches of a table are staged into it. */
export function stagingTable(table: Table): StagingTarget {
  const columns = [...arrowSchema(table).fields.map(({ name }) => name), '_blob_name'];
  return { schema: null, name: STAGED, table, columns, constants: [], repeats: null };
}

/** Columns of the target that a staged record fills; for a month scope `billing_month` is first. */
export function filledColumns(table: Table): readonly string[] {
  return [
    ...scopeColumns(table).filter((name) => !table.columns.some((column) => column.name === name)),
    ...table.columns.map(({ name }) => name),
    ...Object.keys(LINEAGE_FIELDS),
    '_blob_name',
  ];
}

/** Every column of the target that is ours. */
export function ownColumns(table: Table): readonly string[] {
  return [...filledColumns(table), 'line_item_occurrence', '_load_id', '_first_load_id'];
}

/** The first day of a month scope as `yyyy-mm-01`; null for an invoice. */
export function billingMonth({ scope }: PublishRequest): string | null {
  return scope.by === 'month' ? `${scope.month}-01` : null;
}

/** Whether the table says on which day each record was used. */
export function hasUsageDate(table: Table): boolean {
  return (
    table.columns.some(({ name }) => name === 'usage_date') &&
    columnNamed(table, 'usage_date').type === 'date'
  );
}

/** An instant as text that both dialects cast to `timestamp` without a zone: UTC. */
export function sqlInstant(instant: Date | string): string {
  return new Date(instant).toISOString().slice(0, -1);
}

/** The instant that a database prints of {@link sqlInstant}: `2026-11-23 22:50:00[.123456]`; null for none. */
export function isoInstant(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return new Date(`${text.replace(' ', 'T')}Z`).toISOString();
}

/** The error for what arrived and cannot be proven whole; `rule` names the proof that failed. Nothing is published. */
export function unproven(
  { request }: Publishing,
  rule: string,
  what: string,
  hint: string,
  facts: Readonly<Record<string, Fact>> = {},
): IntegrityError {
  return new IntegrityError({
    message: `${scopeLabel(request.scope)}: ${what}`,
    hint,
    facts: { rule, stream: request.stream, scope: scopeText(request.scope), etag: request.eTag, ...facts },
  });
}
