import type { ParsedPart } from '../schemas/batch.js';
import { SystemError } from '../schemas/errors.js';
import type { RowEncoding } from '../schemas/row-encoding.js';
import type { RecordLimits, RecordSource } from './blob-records.js';
import { BlobTally } from './blob-tally.js';
import type { TableDecoder } from './decoder.js';
import { DecoderInput } from './decoder-input.js';
import * as layout from './decoder-layout.js';
import { isRow, putRow } from './decoder-row.js';
import { DamagedGzip } from './gunzip.js';
import { lineFields, mergeFields } from './line-fields.js';
import { RecordRejection } from './record-rejection.js';
import type { ReferenceRecord } from './reference-record.js';
import {
  AROUND_A_LINE,
  lineOf,
  lineTooLong,
  looksLikeJson,
  type Line,
  type LineBounds,
} from './split-lines.js';

/** The first lines of a blob, and one in so many after them, are read by the reference decoder too. */
const FIRST_LINES = 100;
const LINES_PER_CHECK = 5000;
/** After so many lines in a row whose fields are not the expected ones, the order of the last one is expected. */
const ODD_LINES = 4;
const LF = Buffer.from('\n');

/**
 * The records of one blob, read by the fast decoder. What it does not know goes line by line to the reference decoder, and
 * comes back into the same batch, in order. What both have read must be the same in every bit.
 */
export class DecodedRecords implements RecordSource {
  private readonly tally: BlobTally;
  private readonly bounds: LineBounds;
  private wasGzip = false;
  private oddLine = 0;
  private oddLines = 0;

  /**
   * @param decoder one that nothing else uses until this blob is at its end
   * @param encoding how the records of the batches are encoded; null: not
   */
  constructor(
    private readonly blobName: string,
    private readonly decoder: TableDecoder,
    limits: RecordLimits,
    encoding: RowEncoding | null = null,
  ) {
    const { memory, columns, fields, input, rows } = decoder;
    this.tally = new BlobTally(blobName, limits.keptRejected);
    this.bounds = { blobName, maxBytes: limits.lineBytes };
    columns.begin();
    rows.begin(encoding, blobName);
    input.clear();
    fields.takeUnknown(() => undefined);
    fields.forget();
    memory.setState(layout.RUN_LINE_NUMBER, 1);
    memory.setState(layout.RUN_MAX_LINE, limits.lineBytes);
    memory.setState(layout.RUN_MAX_BYTES, limits.batchBytes);
  }

  get lineNumber(): number {
    return this.decoder.memory.state(layout.RUN_LINE_NUMBER);
  }

  *push(chunk: Uint8Array, wasGzip: boolean): Generator<ParsedPart> {
    const { input } = this.decoder;
    this.wasGzip = wasGzip;
    for (const part of DecoderInput.parts(chunk)) {
      input.add(part);
      for (const run of input.runs()) yield* this.decode(run);
      if (input.unfinished > this.bounds.maxBytes + AROUND_A_LINE) {
        throw lineTooLong(this.lineNumber, this.bounds);
      }
    }
  }

  *end(wasGzip: boolean): Generator<ParsedPart> {
    if (this.decoder.input.unfinished > 0) yield* this.push(LF, wasGzip);
    yield* this.tally.takeRejected();
    yield* this.takeBatch();
  }

  counts(): ReturnType<BlobTally['counts']> {
    this.takeUnknown();
    return this.tally.counts();
  }

  private *decode(run: { from: number; to: number; isUtf8: boolean }): Generator<ParsedPart> {
    const { memory, fields } = this.decoder;
    memory.setState(layout.RUN_AT, run.from);
    memory.setState(layout.RUN_END, run.to);
    while (memory.state(layout.RUN_AT) < run.to) {
      if (!run.isUtf8 || fields.followed === null) {
        this.readOdd(false);
      } else {
        this.decodeSome();
      }
      if (this.tally.isFull) yield* this.tally.takeRejected();
      if (this.isBatchFull()) yield* this.takeBatch();
    }
  }

  /** Decodes up to the next line that is to be checked, or that one alone, or until something else is to be done. */
  private decodeSome(): void {
    const { memory, columns } = this.decoder;
    const line = this.lineNumber;
    const isChecked = line <= FIRST_LINES || line % LINES_PER_CHECK === 0;
    const at = memory.state(layout.RUN_AT);
    const rows = memory.state(layout.RUN_ROWS);
    memory.setState(layout.RUN_LINES_LEFT, isChecked ? 1 : LINES_PER_CHECK - (line % LINES_PER_CHECK));
    const result = memory.decode();
    const decoded = memory.state(layout.RUN_ROWS) - rows;
    this.tally.staged += decoded;
    if (isChecked && decoded === 1) this.check(at, line, rows);
    if (result === layout.ODD_LINE || result === layout.ODD_FIELDS) {
      this.readOdd(result === layout.ODD_FIELDS);
    } else if (result === layout.NO_ROOM) {
      const column = memory.state(layout.RUN_FULL_COLUMN);
      const used = memory.word(column + layout.COLUMN_USED);
      columns.makeRoom(column, memory.word(column + layout.COLUMN_ROOM) - used + 1);
    }
  }

  /** Reads the line at RUN_AT by the reference decoder. */
  private readOdd(hasOddFields: boolean): void {
    const { memory, input, columns, fields, reference } = this.decoder;
    const at = memory.state(layout.RUN_AT);
    const bytes = input.line(at);
    const number = this.lineNumber;
    const line = lineOf(bytes, number, this.bounds);
    if (line !== null) {
      if (this.tally.read === 0 && !this.wasGzip && !looksLikeJson(line.bytes)) {
        throw new DamagedGzip('it is neither gzip nor lines of JSON');
      }
      this.takeUnknown();
      try {
        const record = reference.read(line);
        putRow(columns, record);
        this.tally.stage(record.parsed);
        if (hasOddFields || fields.followed === null) this.learn(line, record);
      } catch (error) {
        if (!(error instanceof RecordRejection)) throw error;
        this.tally.reject(line, error);
      }
    }
    memory.setState(layout.RUN_AT, at + bytes.length + 1);
    memory.setState(layout.RUN_LINE_NUMBER, number + 1);
  }

  /** Whether this line ends a row of lines whose fields were not the expected ones. */
  private isOddAgain(line: number): boolean {
    this.oddLines = this.oddLine === line - 1 ? this.oddLines + 1 : 1;
    this.oddLine = line;
    return this.oddLines % ODD_LINES === 0;
  }

  /** Expects the fields of this line too from now on; only them where no order holds for these and the known ones. */
  private learn(line: Line, { parsed }: ReferenceRecord): void {
    const { fields, reference } = this.decoder;
    // Where there are too many names to count, every line is counted in its turn.
    if (!this.tally.hasNamesLeft(parsed.extra.length)) {
      fields.forget();
      return;
    }
    const found = lineFields(line.bytes, reference.fieldsOf(line), reference.parser);
    const known = fields.followed;
    const merged = known === null || found === null ? found : mergeFields(known, found);
    if (merged !== null) fields.follow(merged);
    else if (found !== null && this.isOddAgain(line.number)) fields.follow(found);
  }

  /** @throws SystemError where the reference decoder reads the line at `at`, which became `row`, in another way */
  private check(at: number, number: number, row: number): void {
    const { input, columns, reference } = this.decoder;
    const line = lineOf(input.line(at), number, this.bounds);
    let isSame = false;
    try {
      isSame = line !== null && isRow(columns, row, reference.read(line));
    } catch (error) {
      if (!(error instanceof RecordRejection)) throw error;
    }
    if (isSame) return;
    throw new SystemError({
      message: `blob ${this.blobName}: the two decoders read line ${number} in different ways`,
      hint: 'this is a defect of the connector, and nothing was published; report it, and load with PARTNER_BILLING_DECODER=reference',
      facts: { blob: this.blobName, line: number },
    });
  }

  private takeUnknown(): void {
    this.decoder.fields.takeUnknown((name, rows) => this.tally.countUnknown(name, rows));
  }

  private isBatchFull(): boolean {
    const { memory, columns } = this.decoder;
    return (
      memory.state(layout.RUN_ROWS) >= columns.maxRows ||
      memory.state(layout.RUN_BYTES_USED) >= memory.state(layout.RUN_MAX_BYTES)
    );
  }

  private *takeBatch(): Generator<ParsedPart> {
    const { batches, columns, rows } = this.decoder;
    const { blobName } = this;
    const encoded = rows.encode();
    const records = encoded === null ? batches.take(columns) : batches.takeHashes(columns);
    if (records === null) return;
    yield { kind: 'batch', batch: { blobName, records, ...(encoded === null ? {} : { encoded }) } };
  }
}
