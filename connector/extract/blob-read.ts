import type { Readable } from 'node:stream';
import type { PipelineOptions } from '@azure/core-rest-pipeline';
import {
  AnonymousCredential,
  BlobClient,
  type BlobDownloadResponseParsed,
  type StoragePipelineOptions,
} from '@azure/storage-blob';
import type { PartialBlob } from '../partial-blob.js';
import { atStep } from '../run-step.js';
import type { HttpAgents } from './http-agents.js';

/** What one attempt to read a blob is made with. */
export interface BlobReadOptions {
  readonly agents: HttpAgents;
  /** Milliseconds without a byte, or without an answer, after which the attempt ends. */
  readonly idleMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the length of the blob is known, before its first byte is written. */
  readonly onLength: (bytesToCome: number) => Promise<void>;
  /** Called after each chunk is on disk. */
  readonly onChunk: (bytes: number) => void;
}

/** The bytes stopped coming, or no answer came at all. */
export class StalledError extends Error {
  constructor(idleMs: number) {
    super(`no byte came for ${idleMs / 1000} s`);
    this.name = 'StalledError';
  }
}

/** What storage sends does not continue what we have: the blob is to be read from its beginning. */
export class DoesNotFitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DoesNotFitError';
  }
}

/**
 * Reads what is missing of a blob, once: from where the partial blob ends, of the same version only. Whatever came
 * stays in the partial blob, also when it throws. Neither retries nor redirects, and never inflates: the bytes are
 * kept as they came.
 * @param address the blob's address with its SAS.
 */
export async function readRest(
  options: BlobReadOptions,
  address: string,
  partial: PartialBlob,
): Promise<void> {
  const idle = new AbortController();
  const timer = setTimeout(() => {
    idle.abort();
  }, options.idleMs);
  const signals = [idle.signal, ...(options.signal === undefined ? [] : [options.signal])];
  try {
    const response = await openBlob(address, options.agents).download(partial.offset, undefined, {
      conditions: partial.record === null ? {} : { ifMatch: partial.record.etag },
      abortSignal: AbortSignal.any(signals),
      // Its own resuming does nothing when a connection is cut (Azure/azure-sdk-for-js#32268); ours is around this.
      maxRetryRequests: 0,
    });
    const body = response.readableStreamBody as Readable;
    // A connection may be cut before the first byte is asked for; without a listener that would end the process.
    body.on('error', () => undefined);
    try {
      await beginOrContinue(partial, response);
      const { bytes } = partial.record ?? { bytes: 0 };
      await options.onLength(bytes - partial.offset);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        timer.refresh();
        if (partial.offset + chunk.byteLength > bytes)
          throw new DoesNotFitError('more bytes came than were announced');
        await partial.append(chunk);
        atStep('mid-download');
        options.onChunk(chunk.byteLength);
      }
    } finally {
      body.destroy();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw idle.signal.aborted ? new StalledError(options.idleMs) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A client for one address. The pipeline passes `agent` and `redirectOptions` on though its type does not name them;
 * with an agent set, the library leaves the proxy variables of the environment alone.
 */
function openBlob(address: string, agents: HttpAgents): BlobClient {
  const options: StoragePipelineOptions & Pick<PipelineOptions, 'agent' | 'redirectOptions'> = {
    retryOptions: { maxTries: 1 },
    redirectOptions: { maxRetries: 0 },
    agent: agents.for(address),
  };
  return new BlobClient(address, new AnonymousCredential(), options);
}

async function beginOrContinue(partial: PartialBlob, response: BlobDownloadResponseParsed): Promise<void> {
  const { etag = '', contentLength = 0, contentRange } = response;
  if (partial.offset > 0 && contentRange !== undefined) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange) ?? [];
    const fits = start === String(partial.offset) && total === String(partial.record?.bytes);
    if (!fits) throw new DoesNotFitError(`storage sent ${contentRange.slice(0, 80)}, not what comes next`);
    return;
  }
  // Whoever answers with the whole blob instead of the rest is taken at his word.
  if (partial.offset > 0) await partial.restart();
  const md5 = response.contentMD5 ?? response.blobContentMD5;
  await partial.begin({
    name: partial.name,
    etag,
    bytes: contentLength,
    ...(md5 === undefined ? {} : { contentMd5: Buffer.from(md5).toString('base64') }),
  });
}
