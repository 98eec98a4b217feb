import { DuckDBDataChunk, type DuckDBValue } from '@duckdb/node-api';
import { makeData, RecordBatch, Struct, type Data, type DataType } from 'apache-arrow';
import { arrowSchema } from '../../../schemas/table-arrow.js';
import { column, defineTable } from '../../../schemas/table.js';
import { VALUE_READERS } from './arrow-values.js';
import { fillingWithColumns } from './fill-with-columns.js';
import { fieldOf, stagedColumns, type StagedColumn } from './staged-columns.js';

const TABLE = defineTable({
  name: 'self_test',
  version: 1,
  scopedBy: 'invoice',
  columns: [
    column('words', 'Words', 'text', 'full', 'texts around the length that stands in a view'),
    column('amount', 'Amount', 'decimal', 'full', 'decimals of both signs'),
    column('day', 'Day', 'date', 'full', 'days before and after 1970'),
    column('instant', 'Instant', 'timestamp', 'full', 'instants before and after 1970'),
  ],
  identity: ['words'],
  measures: ['amount'],
  required: [],
  amount: 'amount',
  currency: 'words',
  tenant: 'words',
});
const COLUMNS = stagedColumns({
  schema: null,
  name: TABLE.name,
  table: TABLE,
  columns: [...arrowSchema(TABLE).fields.map(({ name }) => name), '_blob_name', 'month', 'number'],
  constants: [
    { name: 'month', type: 'date', value: '2026-10-01' },
    { name: 'number', type: 'integer', value: -1 },
  ],
  repeats: null,
});
const BLOB_NAME = 'a name that does not stand in a view';
const TEXTS = ['', 'twelve bytes', 'thirteen byte', null, 'Größe 漢字 😀, longer than a view', 'a', 'é'];
/** The third row's values, where there are any, are null. */
const ABSENT = 3;

/**
 * Whether DuckDB's vectors are laid out as `vector-memory.ts` writes them: values of every type are copied into a chunk
 * and read back through the documented API. Null when they are; else what is different, in a few words.
 */
export function vectorFault(): string | null {
  try {
    const batch = { blobName: BLOB_NAME, records: testBatch() };
    const chunk = DuckDBDataChunk.create(COLUMNS.map(({ type }) => type));
    const filling = fillingWithColumns(COLUMNS);
    // The second time into a chunk that was used before, and from the middle of a batch; the third time a single row.
    for (const [from, rows] of [
      [0, TEXTS.length],
      [2, TEXTS.length - 2],
      [4, 1],
    ] as const) {
      chunk.reset();
      chunk.rowCount = rows;
      filling.fill(chunk, batch, from, rows);
      for (const [index, staged] of COLUMNS.entries()) {
        // A value for all rows is one row to this API.
        if (staged.source.from !== 'field' && rows > 1) continue;
        const found = chunk.getColumnValues(index).map(String).join();
        if (found !== expected(staged, batch.records, from, rows))
          return `column ${staged.name} came back different`;
      }
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function expected({ source }: StagedColumn, records: RecordBatch, from: number, rows: number): string {
  if (source.from === 'blob name') return BLOB_NAME;
  if (source.from === 'constant') return String(source.constant.value);
  const values = new Array<DuckDBValue>(rows);
  VALUE_READERS[source.reading](
    fieldOf({ blobName: BLOB_NAME, records }, source.index),
    from,
    from + rows,
    values,
  );
  return values.map(String).join();
}

function testBatch(): RecordBatch {
  const schema = arrowSchema(TABLE);
  const length = TEXTS.length;
  const bytes = TEXTS.map((text) => Buffer.from(text ?? ''));
  const valueOffsets = new Int32Array(length + 1);
  bytes.forEach((text, row) => (valueOffsets[row + 1] = (valueOffsets[row] as number) + text.length));
  const numbers = Array.from({ length }, (_, row) => (row - 2) * 1_000_000_007);
  const amounts = BigInt64Array.from(
    numbers.flatMap((number) => [BigInt(number) * 3n, number < 0 ? -7n : 5n]),
  );
  const keys = Uint8Array.from({ length: length * 16 }, (_, at) => (at * 37 + 200) & 0xff);
  const words = { data: Buffer.concat(bytes), valueOffsets };
  const buffers = [
    words,
    { data: new Uint32Array(amounts.buffer) },
    { data: Int32Array.from(numbers, (number) => number >> 16) },
    { data: BigInt64Array.from(numbers, (number) => BigInt(number) * 65_537n) },
    { data: keys, whole: true },
    { data: keys, whole: true },
    { data: Int32Array.from(numbers, (number) => number | 0), whole: true },
    words,
  ];
  const children = schema.fields.map((field, index): Data => {
    const { whole, ...parts } = { whole: false, ...buffers[index] };
    const validity = { nullBitmap: Uint8Array.of(0xff & ~(1 << ABSENT)), nullCount: 1 };
    const type = field.type as DataType;
    return makeData({ type, length, ...parts, ...(whole ? { nullCount: 0 } : validity) } as never);
  });
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }),
  );
}
