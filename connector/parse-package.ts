import { on } from 'node:events';
import { availableParallelism } from 'node:os';
import type { ParsedPart } from '../schemas/batch.js';
import { SystemError } from '../schemas/errors.js';
import type { RowEncoding } from '../schemas/row-encoding.js';
import type { Table } from '../schemas/table.js';
import type { ParseLimits } from '../transforms/parse-blob.js';
import { chosenDecoder } from './decoder-choice.js';
import { mergeStreams } from './merge-streams.js';
import { partOf, type ParseMessage, type ParseRequest, type ParseTask } from './parse-messages.js';
import { giveBack, takeThread } from './parse-thread.js';

/** Parts that a thread may be ahead: they bound memory, and keep both threads at work. */
const CREDITS = 3;

/** How the blobs of a package are parsed. */
export interface ParseOptions {
  readonly limits?: Partial<ParseLimits>;
  /** Threads that parse a blob each; one less than the machine has cores where it is absent, and never more than blobs. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the fast decoder encodes the records of the batches to; nothing where it is absent or null. */
  readonly encoding?: RowEncoding | null;
}

/**
 * Parses the blobs of a package from their files, in threads of their own. Yields what {@link parseBlob} yields for each:
 * the last part of each blob is its counts. Blobs are begun in their order; with several threads their parts come mixed.
 * A thread is at most three parts ahead of whoever takes them. It waits for the next package when it came to the end of
 * this one, and ends where the iteration is left, or fails, before that. `PARTNER_BILLING_DECODER=reference` chooses the
 * slow decoder.
 * @throws what `parseBlob` throws, and for files: IntegrityError (gone), ConfigError (no right to read),
 * TransientError (the disk failed); SystemError when a thread dies; the signal's reason when it is aborted.
 */
export async function* parsePackageBlobs(
  blobs: readonly { readonly name: string; readonly path: string }[],
  table: Table,
  options: ParseOptions = {},
): AsyncGenerator<ParsedPart, void, undefined> {
  const { limits = {}, signal, encoding = null, threads = Math.max(1, availableParallelism() - 1) } = options;
  signal?.throwIfAborted();
  const queue = blobs.map(({ name, path }) => ({ name, path }));
  const task = { table, limits, encoding, decoder: chosenDecoder(process.env), credits: CREDITS };
  const lanes = Math.min(threads, queue.length);
  if (lanes <= 1) {
    yield* parseInThread([{ ...task, blobs: queue }], signal);
    return;
  }
  yield* mergeStreams(
    Array.from({ length: lanes }, () => (stop) => parseInThread(oneByOne(queue, task), stop)),
    signal,
  );
}

/** A task for each blob that no other thread has taken, when the one before is done. */
function* oneByOne(
  queue: ParseTask['blobs'][number][],
  task: Omit<ParseTask, 'blobs'>,
): Generator<ParseTask> {
  for (let blob = queue.shift(); blob !== undefined; blob = queue.shift()) yield { ...task, blobs: [blob] };
}

async function* parseInThread(
  tasks: Iterable<ParseTask>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ParsedPart, void, undefined> {
  const worker = takeThread();
  const messages = messagesOf(worker, signal);
  let isDone = false;
  try {
    for (const task of tasks) {
      worker.postMessage({ kind: 'task', task } satisfies ParseRequest);
      for await (const part of partsOf(messages, task)) {
        yield part;
        signal?.throwIfAborted();
        worker.postMessage({ kind: 'credit' } satisfies ParseRequest);
      }
    }
    isDone = true;
  } finally {
    if (!isDone) await worker.terminate();
    // Its listeners go with it: the thread lives on.
    await messages.return();
    if (isDone) await giveBack(worker);
  }
}

/** The parts of one task; the messages behind its last one are left. */
async function* partsOf(
  messages: AsyncGenerator<ParseMessage, void, undefined>,
  task: ParseTask,
): AsyncGenerator<ParsedPart, void, undefined> {
  for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
    if (next.value.kind === 'done') return;
    yield partOf(next.value, task);
  }
  throw died(undefined);
}

async function* messagesOf(
  worker: ReturnType<typeof takeThread>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ParseMessage, void, undefined> {
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
