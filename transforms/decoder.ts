import type { Table } from '../schemas/table.js';
import type { RecordLimits } from './blob-records.js';
import { DecoderBatches } from './decoder-batch.js';
import { DecoderColumns } from './decoder-columns.js';
import { DecoderFields } from './decoder-fields.js';
import { DecoderInput } from './decoder-input.js';
import { DecoderMemory } from './decoder-memory.js';
import { RowEncoder } from './row-encoder.js';
import { ReferenceDecoder } from './reference-record.js';

/** What decodes the lines of one table, one blob at a time. */
export interface TableDecoder {
  readonly table: Table;
  readonly memory: DecoderMemory;
  readonly columns: DecoderColumns;
  readonly fields: DecoderFields;
  readonly input: DecoderInput;
  readonly batches: DecoderBatches;
  readonly rows: RowEncoder;
  readonly reference: ReferenceDecoder;
}

/**
 * The fast decoder: the compiled module of `transforms/wasm`, with one instance that is used for one blob after the other,
 * because its memory is large and is given back late.
 */
export class Decoder {
  private readonly module: WebAssembly.Module;
  private idle: TableDecoder | null = null;

  /** @param wasm the bytes of `decoder.wasm` @throws WebAssembly.CompileError where they are none */
  constructor(wasm: Uint8Array<ArrayBuffer>) {
    this.module = new WebAssembly.Module(wasm);
  }

  /** A decoder for a blob, until it is given back. */
  async take(table: Table, { batchRows }: RecordLimits): Promise<TableDecoder> {
    const { idle } = this;
    this.idle = null;
    if (idle !== null && isSame(idle.table, table) && idle.columns.maxRows === batchRows) return idle;
    const memory = new DecoderMemory(this.module);
    const columns = new DecoderColumns(memory, table, batchRows);
    return {
      ...{ table, memory, columns },
      fields: new DecoderFields(columns),
      input: new DecoderInput(memory, table.columns.length),
      batches: new DecoderBatches(table),
      rows: new RowEncoder(columns),
      reference: await ReferenceDecoder.of(table),
    };
  }

  /** Keeps a decoder for the next blob. */
  giveBack(decoder: TableDecoder): void {
    this.idle = decoder;
  }
}

/** A table crosses to a thread as a copy. */
function isSame(a: Table, b: Table): boolean {
  return a.name === b.name && a.version === b.version;
}
