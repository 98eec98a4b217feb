import { setMaxListeners } from 'node:events';
import pMap from 'p-map';
import type { LoadPackage } from '../load-package.js';
import { downloadBlob, type BlobContext } from './blob-download.js';

/** Lets so many downloads run at once, over all scopes of a run. */
export interface Slots {
  use<T>(task: () => Promise<T>): Promise<T>;
}

/** Makes the slots. */
export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  return {
    async use(task) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
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
  options: { readonly concurrency: number; readonly slots: Slots; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const whole = new Set((await loadPackage.blobs()).map(({ name }) => name));
  const missing = (loadPackage.manifest()?.blobs ?? []).filter(({ name }) => !whole.has(name));
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  setMaxListeners(0, signal);
  await pMap(
    missing,
    async ({ name }) => {
      if (signal.aborted) return;
      try {
        await options.slots.use(() => downloadBlob({ ...context, signal }, loadPackage.path, name));
      } catch (error) {
        // The first failure is the reason; what the others meet because of it is not.
        if (!signal.aborted) failure.abort(error);
      }
    },
    { concurrency: options.concurrency },
  );
  options.signal?.throwIfAborted();
  failure.signal.throwIfAborted();
}
