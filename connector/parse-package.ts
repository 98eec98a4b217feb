import { on } from 'node:events';
import type { Worker } from 'node:worker_threads';
import type { ParsedPart } from '../schemas/batch.js';
import { SystemError } from '../schemas/errors.js';
import type { Table } from '../schemas/table.js';
import type { ParseLimits } from '../transforms/parse-blob.js';
import { partOf, type ParseMessage, type ParseRequest } from './parse-messages.js';
import { giveBack, takeThread } from './parse-thread.js';

/** Parts that the worker may be ahead: they bound memory, and keep both threads at work. */
const CREDITS = 3;

/**
 * Parses the blobs of a package one after the other in a thread of its own, from their files. Yields what
 * {@link parseBlob} yields for each, in the order of `blobs`: the last part of each blob is its counts. The thread is
 * at most three parts ahead of whoever takes them. It waits for the next package when it came to the end of this one,
 * and ends where the iteration is left, or fails, before that.
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
  const worker = takeThread();
  const say = (request: ParseRequest): void => worker.postMessage(request);
  let isDone = false;
  try {
    const messages = messagesOf(worker, signal);
    say({ kind: 'task', task: { blobs: files, table, limits, credits: CREDITS } });
    for await (const message of messages) {
      isDone = message.kind === 'done';
      if (message.kind === 'done') return;
      yield partOf(message);
      signal?.throwIfAborted();
      say({ kind: 'credit' });
    }
    throw died(undefined);
  } finally {
    await (isDone ? giveBack(worker) : worker.terminate());
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
