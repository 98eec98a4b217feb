import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ParsedPart } from '../schemas/batch.js';
import { SystemError } from '../schemas/errors.js';
import type { Table } from '../schemas/table.js';
import type { ParseLimits } from '../transforms/parse-blob.js';
import { partOf, type ParseMessage, type ParseReply, type ParseTask } from './parse-messages.js';

/** Parts that the worker may be ahead: they bound memory, and keep both threads at work. */
const CREDITS = 3;

/**
 * A thread starts from JavaScript. Compiled code finds the worker beside itself; code that runs from its TypeScript
 * source, as the tests do, takes the compiled worker in `dist/`, so `npm run build` comes first (`npm test` does it).
 */
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('../dist/connector/parse-worker.js', import.meta.url)
  : new URL('./parse-worker.js', import.meta.url);

/**
 * Parses the blobs of a package one after the other in a thread of its own, from their files. Yields what
 * {@link parseBlob} yields for each, in the order of `blobs`: the last part of each blob is its counts. The thread is
 * at most three parts ahead of whoever takes them, and ends when the iteration does, however it does.
 * @throws what `parseBlob` throws, and for files: IntegrityError (gone), ConfigError (no right to read),
 * TransientError (the disk failed); SystemError when the thread dies; the signal's reason when it is aborted.
 */
export async function* parsePackageBlobs(
  blobs: readonly { readonly name: string; readonly path: string }[],
  table: Table,
  limits: Partial<ParseLimits>,
  signal?: AbortSignal,
): AsyncGenerator<ParsedPart, void, undefined> {
  signal?.throwIfAborted();
  const files = blobs.map(({ name, path }) => ({ name, path }));
  const task: ParseTask = { blobs: files, table, limits, credits: CREDITS };
  const worker = new Worker(WORKER, { workerData: task });
  try {
    for await (const message of messagesOf(worker, signal)) {
      if (message.kind === 'done') return;
      yield partOf(message);
      signal?.throwIfAborted();
      worker.postMessage('credit' satisfies ParseReply);
    }
    throw died(undefined);
  } finally {
    await worker.terminate();
  }
}

async function* messagesOf(worker: Worker, signal: AbortSignal | undefined): AsyncGenerator<ParseMessage> {
  const options = { close: ['exit'], ...(signal === undefined ? {} : { signal }) };
  const messages = on(worker, 'message', options) as AsyncIterableIterator<[ParseMessage]>;
  try {
    for await (const [message] of messages) yield message;
  } catch (error) {
    signal?.throwIfAborted();
    throw died(error);
  }
}

function died(cause: unknown): SystemError {
  return new SystemError({
    message: `the parse worker died${cause instanceof Error ? `: ${cause.message}` : ''}`,
    hint: 'if the machine ran out of memory, give it more or lower limits.line_bytes; otherwise report it',
    cause,
  });
}
