import { join } from 'node:path';
import { z } from 'zod';
import { exists, readRecord, writeDurably } from './durable-file.js';
import type { RecordedState } from './load/recorded-state.js';
import { recordedStateSchema } from './remembered-schema.js';

/** The file in the dataset's folder of the spool. Removing it only means that a run cannot plan while the file is held. */
const FILE = 'remembered.json';

const rememberedSchema = z.strictObject({
  version: z.literal(1),
  destination: z.string(),
  at: z.iso.datetime(),
  state: recordedStateSchema,
});

/** What a destination was found to have recorded. */
export interface RememberedState {
  /** The destination's label: another file has another state. */
  readonly destination: string;
  /** When it was read. */
  readonly at: Date;
  readonly state: RecordedState;
}

/** What {@link recallState} finds. */
export type Recalled =
  | { readonly kind: 'remembered'; readonly state: RecordedState; readonly at: Date }
  /** No run with this spool has read the destination yet. */
  | { readonly kind: 'nothing' }
  /** Something is there that cannot be used; `reason` is for a warning. */
  | { readonly kind: 'unusable'; readonly reason: string };

/**
 * Keeps what a destination has recorded, so that the next run can plan while somebody holds DuckDB's file. Whatever
 * was remembered before is replaced, at once and durably.
 * @param folder the dataset's folder of the spool (`Spool.root`)
 */
export async function rememberState(folder: string, remembered: RememberedState): Promise<void> {
  const record = { version: 1, ...remembered } satisfies Record<
    keyof z.input<typeof rememberedSchema>,
    unknown
  >;
  await writeDurably(join(folder, FILE), `${JSON.stringify(record)}\n`);
}

/**
 * What the spool remembers of a destination. It may be older than the destination, never newer: eTags are compared again
 * at the load.
 * @param folder the dataset's folder of the spool (`Spool.root`)
 * @param destination the destination's label
 */
export async function recallState(folder: string, destination: string): Promise<Recalled> {
  const path = join(folder, FILE);
  if (!(await exists(path))) return { kind: 'nothing' };
  const record = await readRecord(path, rememberedSchema);
  if (record === null) {
    return { kind: 'unusable', reason: `${path} is torn, or another version of the connector wrote it` };
  }
  if (record.destination !== destination) {
    return { kind: 'unusable', reason: `${path} is of ${record.destination}, not of ${destination}` };
  }
  return { kind: 'remembered', state: record.state, at: new Date(record.at) };
}
