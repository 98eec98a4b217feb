import type pg from 'pg';
import type { Batch } from '../../../schemas/batch.js';
import type { LINEAGE_FIELDS } from '../../../schemas/table-arrow.js';
import { nameList, qualified } from '../sql-text.js';
import type { StagingTarget } from '../staging-target.js';
import { CopyIn } from './copy-in.js';
import { copyText } from './copy-text.js';
import { SeenKeys, type RowRange } from './seen-keys.js';

const KEY = 'line_item_key' satisfies keyof typeof LINEAGE_FIELDS;

/** Bytes of possible repeats that are held back, because a connection takes one COPY at a time. */
const HELD_BYTES = 4 * 2 ** 20;

/** The COPYs of one transaction: into a relation, and between them its possible repeats into theirs. */
export class CopyStaging {
  private copying: CopyIn | undefined;
  private readonly seen = new WeakMap<StagingTarget, SeenKeys>();
  private held: Buffer[] = [];
  private heldBytes = 0;

  constructor(private readonly client: pg.ClientBase) {}

  /** Sends a batch on. Between two calls the connection may be used for statements after {@link endCopy}. */
  async stage(target: StagingTarget, batch: Batch): Promise<void> {
    if (target.repeats === null) {
      await this.copy(target, batch, [{ from: 0, to: batch.records.numRows }]);
      return;
    }
    const seen = this.seen.get(target) ?? new SeenKeys();
    this.seen.set(target, seen);
    const { first, again } = seen.split(keysOf(batch));
    await this.copy(target, batch, first);
    for (const piece of copyText(batch, target.repeats, again)) {
      this.held.push(piece);
      this.heldBytes += piece.length;
    }
    if (this.heldBytes >= HELD_BYTES) await this.sendHeld(target.repeats);
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
    await copying?.end();
  }

  /** After an error: a COPY under way is given up, so that the connection can roll back. Never throws. */
  async abandon(): Promise<void> {
    await this.copying?.abandon();
    this.copying = undefined;
    this.held = [];
  }

  private async copy(target: StagingTarget, batch: Batch, rows: readonly RowRange[]): Promise<void> {
    this.copying ??= new CopyIn(this.client, copyStatement(target));
    for (const piece of copyText(batch, target, rows)) await this.copying.write(piece);
  }

  private async sendHeld(repeats: StagingTarget): Promise<void> {
    if (this.heldBytes === 0) return;
    await this.endCopy();
    this.copying = new CopyIn(this.client, copyStatement(repeats));
    for (const piece of this.held) await this.copying.write(piece);
    this.held = [];
    this.heldBytes = 0;
    await this.endCopy();
  }
}

function copyStatement({ schema, name, columns }: StagingTarget): string {
  return `COPY ${qualified(schema ?? 'pg_temp', name)} (${nameList(columns)}) FROM STDIN (FORMAT text, ENCODING 'UTF8')`;
}

function keysOf({ records }: Batch): Uint8Array {
  const at = records.schema.fields.findIndex(({ name }) => name === KEY);
  const bytes = records.data.children[at]?.values as Uint8Array | undefined;
  return bytes?.subarray(0, records.numRows * 16) ?? new Uint8Array();
}
