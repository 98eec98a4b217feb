import { Worker } from 'node:worker_threads';

/**
 * A thread starts from JavaScript. Compiled code finds the worker beside itself; code that runs from its TypeScript
 * source, as the tests do, takes the compiled worker in `dist/`, so `npm run build` comes first (`npm test` does it).
 */
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('../dist/connector/parse-worker.js', import.meta.url)
  : new URL('./parse-worker.js', import.meta.url);

/** How long a thread without work is kept: a service that waits for tomorrow gives its memory back. */
const KEPT_MS = 60_000;

/** A start costs 0.3 to 0.4 s of CPU, more than the parsing of a small package: one thread waits for the next one. */
let waiting: { readonly worker: Worker; readonly end: NodeJS.Timeout; readonly forget: () => void } | null =
  null;

/** A thread for one package: the one that waits, or a new one. It keeps the process alive until it is given back. */
export function takeThread(): Worker {
  if (waiting === null) return new Worker(WORKER);
  const { worker, end, forget } = waiting;
  waiting = null;
  clearTimeout(end);
  worker.off('error', forget).off('exit', forget);
  worker.ref();
  return worker;
}

/** Keeps a thread that came to the end of its package for the next one; a second one that waits is not kept. */
export async function giveBack(worker: Worker): Promise<void> {
  if (waiting !== null) {
    await worker.terminate();
    return;
  }
  const forget = (): void => {
    if (waiting?.worker === worker) waiting = null;
  };
  // One that dies while it waits is only not there for the next package.
  worker.on('error', forget).on('exit', forget);
  worker.unref();
  const end = setTimeout(() => {
    forget();
    void worker.terminate();
  }, KEPT_MS);
  end.unref();
  waiting = { worker, end, forget };
}
