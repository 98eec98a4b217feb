import { setMaxListeners } from 'node:events';
import type { LoadPackage } from '../load-package.js';
import { downloadBlob, type BlobContext } from './blob-download.js';

/** Lets so many downloads run at once, over all scopes of a run. */
export interface Slots {
  /**
   * A place in line for the downloads of one package. What becomes free goes to the package whose place is the foremost,
   * so that packages become whole one after the other, and one loads while others download; taken in turns, all would
   * become whole at the same time, the last.
   */
  line(): <T>(task: () => Promise<T>) => Promise<T>;
}

/** Makes the slots. */
export function createSlots(count: number): Slots {
  let free = count;
  let lines = 0;
  const waiting: { readonly line: number; readonly begin: () => void }[] = [];
  const turn = (line: number): Promise<void> =>
    new Promise((begin) => {
      const behind = waiting.findIndex((other) => other.line > line);
      waiting.splice(behind === -1 ? waiting.length : behind, 0, { line, begin });
    });
  return {
    line: () => {
      const line = lines;
      lines += 1;
      return async (task) => {
        if (free > 0) free -= 1;
        else await turn(line);
        try {
          return await task();
        } finally {
          const next = waiting.shift();
          if (next === undefined) free += 1;
          else next.begin();
        }
      };
    },
  };
}

/**
 * Downloads all blobs of a package that are not whole on disk yet, several at once. The first that fails ends the
 * others, whose bytes are kept; nothing of a package is being written when this settles.
 */
export async function downloadPackage(
  context: Omit<BlobContext, 'signal'>,
  loadPackage: LoadPackage,
  options: { readonly slots: Slots; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const whole = new Set((await loadPackage.blobs()).map(({ name }) => name));
  const missing = (loadPackage.manifest()?.blobs ?? []).filter(({ name }) => !whole.has(name));
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  setMaxListeners(0, signal);
  const inLine = options.slots.line();
  const download = async (name: string): Promise<void> => {
    if (!signal.aborted) await downloadBlob({ ...context, signal }, loadPackage.path, name);
  };
  await Promise.all(
    missing.map(({ name }) =>
      inLine(() => download(name)).catch((error: unknown) => {
        // The first failure is the reason; what the others meet because of it is not.
        if (!signal.aborted) failure.abort(error);
      }),
    ),
  );
  options.signal?.throwIfAborted();
  failure.signal.throwIfAborted();
}
