import type { ColumnType } from './column-type.js';
import { SystemError } from './errors.js';

/** A column as declared, once; everything else about it is derived. */
export interface Column {
  /** The column's name in both databases, `snake_case`. */
  readonly name: string;
  /** The documented attribute it comes from, in the documented letter case. */
  readonly source: string;
  /** Other names of the attribute (api-contract.md 5.3, 6.3), compared, like `source`, without regard to case. */
  readonly aliases: readonly string[];
  readonly type: ColumnType;
  /** Whether the attribute set `basic` has it too. */
  readonly inBasic: boolean;
  /** One line of meaning. */
  readonly meaning: string;
}

/** A target table: what one stream is kept in. */
export interface Table {
  /** The table's name, which is the stream's too. */
  readonly name: string;
  /** Raised when the declaration changes what is stored; recorded with every snapshot. */
  readonly version: number;
  /** `invoice`: one export covers an invoice. `month`: it covers a billing month in one currency. */
  readonly scopedBy: 'invoice' | 'month';
  /** The stream's columns in the documented order: the order of the row hash, of Arrow batches and of the table. */
  readonly columns: readonly Column[];
  /** Names of the columns that identify a line item, in the frozen order of architecture.md section 3. */
  readonly identity: readonly string[];
  /** Names of the columns that order records of one key: unit price, effective unit price, quantity, amount. */
  readonly measures: readonly string[];
  /** Names of the columns without which a record is rejected. */
  readonly required: readonly string[];
  /** The column that is summed for proofs and reports. */
  readonly amount: string;
  /** The column that holds the currency of {@link amount}. */
  readonly currency: string;
  /** The column that must hold the partner tenant. */
  readonly tenant: string;
}

/** A name and the columns that it has: what records are parsed by. */
export type ColumnList = Pick<Table, 'name' | 'columns'>;

/** Short form of a column's declaration: name, source, type, in basic or not, meaning, aliases. */
export function column(
  name: string,
  source: string,
  type: ColumnType,
  inBasic: 'basic' | 'full',
  meaning: string,
  aliases: readonly string[] = [],
): Column {
  return { name, source, type, inBasic: inBasic === 'basic', meaning, aliases };
}

/**
 * Checks a declaration against itself and returns it.
 * @throws SystemError when a name is used twice or a list names a column that is not declared.
 */
export function defineTable(table: Table): Table {
  const fields = new Set<string>();
  const names = new Set<string>();
  for (const { name, source, aliases } of table.columns) {
    if (names.has(name)) throw badTable(table, `column ${name} is declared twice`);
    names.add(name);
    for (const field of new Set([source, ...aliases].map((text) => text.toLowerCase()))) {
      if (fields.has(field)) throw badTable(table, `field ${field} belongs to two columns`);
      fields.add(field);
    }
  }
  const named = [
    ...table.identity,
    ...table.measures,
    ...table.required,
    table.amount,
    table.currency,
    table.tenant,
  ];
  for (const name of named) if (!names.has(name)) throw badTable(table, `${name} is no column`);
  return table;
}

/**
 * The declared column of that name.
 * @throws SystemError when the table has none.
 */
export function columnNamed(table: ColumnList, name: string): Column {
  const found = table.columns.find((candidate) => candidate.name === name);
  if (found === undefined) throw badTable(table, `${name} is no column`);
  return found;
}

/** The columns, beside the declared identity and the occurrence, that the primary key of the table begins with. */
export function scopeColumns(table: Table): readonly string[] {
  return table.scopedBy === 'invoice' ? ['invoice_number'] : ['billing_month', table.currency];
}

/** The primary key: the scope's columns, the line item's key and its occurrence number. */
export function primaryKey(table: Table): readonly string[] {
  return [...scopeColumns(table), 'line_item_key', 'line_item_occurrence'];
}

function badTable(table: ColumnList, what: string): SystemError {
  return new SystemError({
    message: `declaration of table ${table.name}: ${what}`,
    hint: 'mend schemas/tables',
  });
}
