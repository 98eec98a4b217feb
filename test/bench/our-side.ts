import { createReadStream } from 'node:fs';
import { systemClock } from '../../connector/clock.js';
import { openDestination } from '../../connector/load/open-destination.js';
import type { DestinationSession, PublishRequest } from '../../connector/load/destination.js';
import { parsePackageBlobs } from '../../connector/parse-package.js';
import type { ParsedPart } from '../../schemas/batch.js';
import { configSchema, type DestinationConfig } from '../../schemas/config.js';
import type { RowEncoding } from '../../schemas/row-encoding.js';
import { STREAMS } from '../../schemas/streams.js';
import { openBody } from '../../transforms/gunzip.js';
import { PARSE_LIMITS } from '../../transforms/parse-blob.js';
import type { BenchFiles } from './bench-files.js';
import type { Done } from './measure.js';

const USAGE = STREAMS.billed_usage;

/** A destination as `connector.yaml` has it. */
export type BenchDestination =
  | {
      readonly type: 'duckdb';
      readonly path: string;
      readonly memory_limit: string;
      readonly threads: number;
    }
  | { readonly type: 'postgres'; readonly url: string };

/** Makes the tables, as the first run of a user's does. */
export async function migrate(files: BenchFiles, destination: BenchDestination): Promise<void> {
  await inSession(files, destination, (session) => session.migrate());
}

/**
 * The whole way from blobs on disk to a published, committed snapshot in a closed database: parse, stage, prove,
 * compare, publish. The stages are the time until the destination took the last batch, and what came after it.
 */
export async function publishFiles(files: BenchFiles, destination: BenchDestination): Promise<Done> {
  const start = systemClock.monotonicMs();
  let taken = start;
  async function* parts(encoding: RowEncoding | null): AsyncGenerator<ParsedPart> {
    yield* parsePackageBlobs(files.blobs, USAGE.table, { encoding });
    taken = systemClock.monotonicMs();
  }
  const { counts } = await inSession(files, destination, (session, config) =>
    session.publish(requestOf(files, config), parts),
  );
  const end = systemClock.monotonicMs();
  const { staged, inserted, updated, deleted, unchanged } = counts;
  return {
    rows: staged,
    counts: { inserted, updated, deleted, unchanged },
    stages: {
      'sink: until the last batch is taken': (taken - start) / 1000,
      'publish: prove, number, compare, commit': (end - taken) / 1000,
    },
  };
}

async function inSession<T>(
  files: BenchFiles,
  destination: BenchDestination,
  use: (session: DestinationSession, config: DestinationConfig) => Promise<T>,
): Promise<T> {
  const config = configSchema.parse({
    version: 1,
    source: { tenant_id: files.tenantId, auth: { method: 'azure_cli' } },
    streams: { billed_usage: { invoices: [files.invoice] } },
    destination,
  });
  const opened = await openDestination(config, {
    path: (path) => path,
    report: () => undefined,
    clock: systemClock,
  });
  const session = await opened.open('write');
  try {
    return await use(session, config.destination);
  } finally {
    await session.close();
    await opened.close();
  }
}

/** The blobs, so many times over, with the sink discarded: what reading, inflating, decoding and hashing cost. */
export async function parseFiles(files: BenchFiles, times: number): Promise<Done> {
  let rows = 0;
  const blobs = Array.from({ length: times }, () => files.blobs).flat();
  for await (const part of parsePackageBlobs(blobs, USAGE.table, {})) {
    if (part.kind === 'batch') rows += part.batch.records.numRows;
  }
  return { rows };
}

/** Reads and inflates the blobs, in this thread and zlib's own. */
export async function inflateFiles(files: BenchFiles): Promise<Done> {
  let bytes = 0;
  for (const { path } of files.blobs) {
    const body = await openBody(createReadStream(path, { highWaterMark: 2 ** 20 }), PARSE_LIMITS);
    for await (const chunk of body.chunks) bytes += chunk.length;
  }
  return { rows: files.rows, counts: { bytes } };
}

function requestOf(files: BenchFiles, destination: DestinationConfig): PublishRequest {
  return {
    table: USAGE.table,
    stream: USAGE.name,
    scope: { by: 'invoice', stream: USAGE.name, invoice: files.invoice },
    runId: 'bench',
    loadId: `bench-${destination.type}-${files.change === null ? 'first' : 'restated'}`,
    connectorVersion: 'bench',
    attributeSet: 'full',
    eTag: files.eTag,
    tenantId: files.tenantId,
    billingMonthFrom: null,
    billingMonth: null,
    operationId: null,
    manifestId: 'bench',
    manifestCreatedAt: null,
    requestIds: [],
    rootDirectory: 'https://bench.invalid/',
    blobs: files.blobs,
    acceptInvoiceNumbers: [],
    rejectedLimit: 0,
    allowEmpty: false,
    allowBasicOverFull: false,
    reload: false,
    now: new Date(),
  };
}
