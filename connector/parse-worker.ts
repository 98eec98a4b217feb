import { createReadStream } from 'node:fs';
import { parentPort, type MessagePort } from 'node:worker_threads';
import { ConfigError, IntegrityError, TransientError } from '../schemas/errors.js';
import type { Decoder } from '../transforms/decoder.js';
import { parseBlob } from '../transforms/parse-blob.js';
import { loadDecoder } from './decoder-choice.js';
import { errorCode } from './error-code.js';
import {
  errorRecord,
  partMessage,
  type ParseMessage,
  type ParseRequest,
  type ParseTask,
} from './parse-messages.js';

/*
 * The thread that parses packages, one after the other: given a task by parse-package.ts, it reads the files, sends
 * a message a part as long as it has credit, and ends the task with `done` or `error`.
 */

const READ_BYTES = 1024 * 1024;

/** Leave to send parts: one is used up by each part and given back when the part was taken. */
class Credits {
  private waiting: (() => void) | null = null;

  constructor(private left: number) {}

  give(): void {
    this.left += 1;
    this.waiting?.();
  }

  async use(): Promise<void> {
    while (this.left === 0) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    this.waiting = null;
    this.left -= 1;
  }
}

/** Kept for as long as the thread lives: its code is compiled once, and its memory is used again. */
let fast: Decoder | null = null;

async function parseBlobs(task: ParseTask, credits: Credits, port: MessagePort): Promise<void> {
  const { table, limits, encoding } = task;
  const decoder = task.decoder === 'fast' ? (fast ??= loadDecoder()) : null;
  for (const { name, path } of task.blobs) {
    for await (const part of parseBlob(bytesOf(name, path), name, table, limits, decoder, encoding)) {
      await credits.use();
      const { message, transfer } = partMessage(part);
      port.postMessage(message, transfer);
    }
  }
}

async function* bytesOf(blob: string, path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) yield chunk as Buffer;
  } catch (error) {
    throw readError(error, blob, path);
  }
}

function readError(error: unknown, blob: string, path: string): unknown {
  const code = errorCode(error);
  const detail = { facts: { blob, path, code }, cause: error };
  switch (code) {
    case 'ENOENT':
      return new IntegrityError({
        message: `blob ${blob}: its file is gone from the load package (${path})`,
        hint: 'delete the package from the spool and run again: it is exported and downloaded anew',
        ...detail,
      });
    case 'EACCES':
    case 'EPERM':
      return new ConfigError({
        message: `blob ${blob}: its file may not be read (${path})`,
        hint: 'give the user that runs the connector the right to read the spool',
        ...detail,
      });
    case 'EIO':
    case 'EMFILE':
    case 'ENFILE':
    case 'ESTALE':
      return new TransientError({
        message: `blob ${blob}: its file could not be read (${code}, ${path})`,
        hint: 'look after the disk that holds the spool; the next run goes on from the same package',
        ...detail,
      });
    default:
      return error;
  }
}

async function parsePackage(task: ParseTask, credits: Credits, port: MessagePort): Promise<void> {
  let last: ParseMessage = { kind: 'done' };
  try {
    await parseBlobs(task, credits, port);
  } catch (error) {
    last = { kind: 'error', error: errorRecord(error) };
  }
  port.postMessage(last);
}

function main(port: MessagePort): void {
  let credits = new Credits(0);
  port.on('message', (request: ParseRequest) => {
    if (request.kind === 'credit') {
      credits.give();
      return;
    }
    // Credit that is given after the last part of a package belongs to no other: it is said before the next task.
    credits = new Credits(request.task.credits);
    void parsePackage(request.task, credits, port);
  });
}

if (parentPort !== null) main(parentPort);
