import type pg from 'pg';
import type { Batch } from '../../../schemas/batch.js';
import type { EncodedRows, RowEncoding } from '../../../schemas/row-encoding.js';
import type { LINEAGE_FIELDS } from '../../../schemas/table-arrow.js';
import { nameList, qualified } from '../sql-text.js';
import type { StagingTarget } from '../staging-target.js';
import { COPY_HEADER, COPY_TRAILER, encodedRows, reorderedRows } from './copy-binary.js';
import { CopyIn } from './copy-in.js';
import { copyText } from './copy-text.js';
import { SeenKeys, type RowRange } from './seen-keys.js';

const KEY = 'line_item_key' satisfies keyof typeof LINEAGE_FIELDS;

/** Bytes of possible repeats that are held back, because a connection takes one COPY at a time. */
const HELD_BYTES = 4 * 2 ** 20;

/** The two formats of COPY; a COPY is in one of them. */
type CopyFormat = 'binary' | 'text';

/**
 * The COPYs of one transaction: into a relation, and between them its possible repeats into theirs. In binary format where
 * the batch was encoded for the relation, in text format where it was not.
 */
export class CopyStaging {
  private copying: { readonly into: CopyIn; readonly format: CopyFormat } | undefined;
  private readonly encodings = new WeakMap<StagingTarget, RowEncoding>();
  private readonly seen = new WeakMap<StagingTarget, SeenKeys>();
  private held: Buffer[] = [];
  private heldBytes = 0;
  private heldFormat: CopyFormat = 'text';

  constructor(private readonly client: pg.ClientBase) {}

  /** How batches for a target are to be encoded; the same object for the same target. */
  rowEncoding(target: StagingTarget): RowEncoding {
    const { columns, constants } = target;
    const encoding = this.encodings.get(target) ?? { format: 'postgres copy binary', columns, constants };
    this.encodings.set(target, encoding);
    return encoding;
  }

  /** Sends a batch on. Between two calls the connection may be used for statements after {@link endCopy}. */
  async stage(target: StagingTarget, batch: Batch): Promise<void> {
    const { repeats } = target;
    if (repeats === null) {
      await this.copy(target, batch, [{ from: 0, to: batch.records.numRows }]);
      return;
    }
    const seen = this.seen.get(target) ?? new SeenKeys();
    this.seen.set(target, seen);
    const { first, again } = seen.split(keysOf(batch));
    await this.copy(target, batch, first);
    if (again.length === 0) return;
    const encoded = this.encodedFor(target, batch);
    const format = encoded === null ? 'text' : 'binary';
    if (format !== this.heldFormat) await this.sendHeld(repeats);
    this.heldFormat = format;
    const pieces =
      encoded === null ? copyText(batch, repeats, again) : [reorderedRows(encoded, again, repeats.columns)];
    for (const piece of pieces) {
      this.held.push(piece);
      this.heldBytes += piece.length;
    }
    if (this.heldBytes >= HELD_BYTES) await this.sendHeld(repeats);
  }

  /** Sends what is held back, and waits until the server has taken everything. */
  async end(target: StagingTarget): Promise<void> {
    if (target.repeats !== null) await this.sendHeld(target.repeats);
    await this.endCopy();
    this.seen.delete(target);
  }

  /** Ends the COPY under way, so that the connection takes statements; the next batch begins another. */
  async endCopy(): Promise<void> {
    const { copying } = this;
    this.copying = undefined;
    if (copying?.format === 'binary') await copying.into.write(COPY_TRAILER);
    await copying?.into.end();
  }

  /** After an error: a COPY under way is given up, so that the connection can roll back. Never throws. */
  async abandon(): Promise<void> {
    await this.copying?.into.abandon();
    this.copying = undefined;
    this.held = [];
  }

  private async copy(target: StagingTarget, batch: Batch, rows: readonly RowRange[]): Promise<void> {
    const encoded = this.encodedFor(target, batch);
    const into = await this.open(target, encoded === null ? 'text' : 'binary');
    const pieces = encoded === null ? copyText(batch, target, rows) : encodedRows(encoded, rows);
    for (const piece of pieces) await into.write(piece);
  }

  /** The COPY under way where it is in that format, else a new one. */
  private async open(target: StagingTarget, format: CopyFormat): Promise<CopyIn> {
    if (this.copying?.format === format) return this.copying.into;
    await this.endCopy();
    const into = new CopyIn(this.client, copyStatement(target, format));
    this.copying = { into, format };
    if (format === 'binary') await into.write(COPY_HEADER);
    return into;
  }

  private encodedFor(target: StagingTarget, { encoded }: Batch): EncodedRows | null {
    return encoded !== undefined && encoded.encoding === this.encodings.get(target) ? encoded : null;
  }

  private async sendHeld(repeats: StagingTarget): Promise<void> {
    if (this.heldBytes === 0) return;
    await this.endCopy();
    const into = await this.open(repeats, this.heldFormat);
    for (const piece of this.held) await into.write(piece);
    this.held = [];
    this.heldBytes = 0;
    await this.endCopy();
  }
}

function copyStatement({ schema, name, columns }: StagingTarget, format: CopyFormat): string {
  return `COPY ${qualified(schema ?? 'pg_temp', name)} (${nameList(columns)}) FROM STDIN (FORMAT ${format}, ENCODING 'UTF8')`;
}

function keysOf({ records }: Batch): Uint8Array {
  const at = records.schema.fields.findIndex(({ name }) => name === KEY);
  const bytes = records.data.children[at]?.values as Uint8Array | undefined;
  return bytes?.subarray(0, records.numRows * 16) ?? new Uint8Array();
}
