import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { SystemError } from '../schemas/errors.js';
import { isNothing, NOTHING_DEFERRED, type DeferredWrites } from './deferred-writes.js';
import { readRecord, writeDurably } from './durable-file.js';
import { errorCode } from './error-code.js';
import type { RecordedState } from './load/destination.js';
import { deferredWritesSchema, rememberedStateSchema } from './remembered-state-schema.js';

/** What the spool of a dataset remembers from one run to the next, beside its packages. */
export interface RunMemory {
  /** What was recorded when a run last looked; null where that is not known, or was written by another release. */
  recall(): Promise<RecordedState | null>;
  remember(state: RecordedState): Promise<void>;
  /** What waits to be recorded. @throws SystemError when it cannot be read: it is not forgotten silently */
  deferred(): Promise<DeferredWrites>;
  /** Adds to it; durable when it resolves. */
  defer(writes: Partial<DeferredWrites>): Promise<void>;
  clearDeferred(): Promise<void>;
}

const STATE_FILE = 'state.json';
const DEFERRED_FILE = 'unrecorded.json';

/** A memory of a destination that is never held by anybody: there is nothing to remember. */
export const NO_MEMORY: RunMemory = {
  recall: () => Promise.resolve(null),
  remember: () => Promise.resolve(),
  deferred: () => Promise.resolve(NOTHING_DEFERRED),
  defer: () =>
    Promise.reject(
      new SystemError({ message: 'nothing is deferred for this destination', hint: 'report it' }),
    ),
  clearDeferred: () => Promise.resolve(),
};

/** The memory in the spool folder of a dataset: `state.json` and `unrecorded.json`. */
export function openMemory(folder: string): RunMemory {
  const statePath = join(folder, STATE_FILE);
  const deferredPath = join(folder, DEFERRED_FILE);
  const deferred = async (): Promise<DeferredWrites> =>
    (await readExisting(deferredPath, deferredWritesSchema)) ?? NOTHING_DEFERRED;
  return {
    recall: async () => (await readRecord(statePath, rememberedStateSchema))?.state ?? null,
    remember: async (state) => await writeDurably(statePath, json({ version: 1, state })),
    deferred,
    defer: async (writes) => {
      const { readings, answers, runs } = await deferred();
      const all = {
        readings: [...readings, ...(writes.readings ?? [])],
        answers: [...answers, ...(writes.answers ?? [])],
        runs: [...runs, ...(writes.runs ?? [])],
      };
      if (!isNothing(all)) await writeDurably(deferredPath, json({ version: 1, ...all }));
    },
    clearDeferred: async () => await rm(deferredPath, { force: true }),
  };
}

/** Null only where there is no file. */
async function readExisting<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(content));
  } catch (cause) {
    throw new SystemError({
      message: `${path} cannot be read: it holds answers of Graph that are not recorded yet`,
      hint: 'it was changed by hand or by another release; deleting it loses only when scopes were last asked for, and the runs since then',
      cause,
    });
  }
}

function json(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
