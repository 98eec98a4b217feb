import { decimalText } from '../schemas/decimal-text.js';
import type { ConstantColumn, RowEncoding } from '../schemas/row-encoding.js';
import { SystemError } from '../schemas/errors.js';
import type { Table } from '../schemas/table.js';
import type { ColumnType } from '../schemas/column-type.js';
import type { BatchRecord } from './batch-builder.js';
import { wrongValue, type StoredValue } from './stored-value.js';

const DAY_MS = 86_400_000;
/** From which Postgres counts. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const NULL_FIELD = Buffer.from([0xff, 0xff, 0xff, 0xff]);
const NEGATIVE = 0x4000;

/**
 * A record as a row of `COPY ... FROM STDIN (FORMAT binary)`: written to be obviously right, and the judge of what the
 * decoder's module encodes.
 * @param constants the encoding's own and `_blob_name`
 * @throws SystemError for a column that nothing fills
 */
export function referenceRow(
  table: Table,
  encoding: RowEncoding,
  constants: readonly ConstantColumn[],
  record: BatchRecord,
): Buffer {
  const count = Buffer.alloc(2);
  count.writeInt16BE(encoding.columns.length);
  const fields = encoding.columns.map((name) => {
    const constant = constants.find((column) => column.name === name);
    if (constant !== undefined) return constantField(constant);
    const index = table.columns.findIndex((column) => column.name === name);
    const column = table.columns[index];
    if (column !== undefined) return valueField(column.type, record.values[index] ?? null);
    return lineageField(name, record);
  });
  return Buffer.concat([count, ...fields]);
}

/** A constant as it is sent, its length in front. */
export function constantField({ type, value }: ConstantColumn): Buffer {
  if (type === 'text') return field(Buffer.from(value));
  return field(integer(type === 'integer' ? value : (Date.parse(value) - EPOCH_MS) / DAY_MS));
}

/** The error for a column that nothing fills. */
export function unknownField(name: string): SystemError {
  return new SystemError({
    message: `column ${name} is encoded from nothing`,
    hint: 'this is a defect of the connector; nothing was published',
  });
}

function lineageField(name: string, { hashes, lineNumber, extra }: BatchRecord): Buffer {
  switch (name) {
    case 'line_item_key':
      return field(hashes.lineItemKey);
    case '_row_hash':
      return field(hashes.rowHash);
    case '_line_number':
      return field(integer(lineNumber));
    case '_extra':
      return valueField('text', extra);
  }
  throw unknownField(name);
}

function valueField(type: ColumnType, value: StoredValue): Buffer {
  if (value === null) return NULL_FIELD;
  switch (type) {
    case 'text':
      if (typeof value === 'string') return field(Buffer.from(value));
      break;
    case 'decimal':
      if (typeof value === 'bigint') return field(numeric(decimalText(value)));
      break;
    case 'date':
      if (typeof value === 'number') return field(integer(value - EPOCH_MS / DAY_MS));
      break;
    case 'timestamp':
      if (typeof value === 'bigint') return field(long(value - BigInt(EPOCH_MS) * 1000n));
      break;
  }
  throw wrongValue(type, value);
}

/** A decimal's canonical text as groups of four digits, without those of zeros at both ends. */
function numeric(text: string): Buffer {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const wholeGroups = Math.ceil(whole.length / 4);
  const digits =
    whole.padStart(wholeGroups * 4, '0') + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0');
  const groups = digits.match(/\d{4}/g)?.map(Number) ?? [];
  let weight = wholeGroups - 1;
  while (groups[0] === 0) {
    groups.shift();
    weight -= 1;
  }
  while (groups.at(-1) === 0) groups.pop();
  if (groups.length === 0) weight = 0;
  const words = [groups.length, weight, text.startsWith('-') ? NEGATIVE : 0, fraction.length, ...groups];
  const bytes = Buffer.alloc(words.length * 2);
  words.forEach((word, index) => bytes.writeInt16BE(word, index * 2));
  return bytes;
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

/** Its length in front. */
function field(bytes: Uint8Array): Buffer {
  return Buffer.concat([integer(bytes.length), bytes]);
}
