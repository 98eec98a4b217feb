import { systemClock } from '../../connector/clock.js';
import { openDestination } from '../../connector/load/open-destination.js';
import type { PublishRequest } from '../../connector/load/destination.js';
import { parsePackageBlobs } from '../../connector/parse-package.js';
import { configSchema, type DestinationConfig } from '../../schemas/config.js';
import { STREAMS } from '../../schemas/streams.js';
import type { BenchFiles } from './bench-files.js';

const USAGE = STREAMS.billed_usage;

/** The whole way from blobs on disk to a published, committed snapshot: parse, stage, prove, compare, publish. */
export async function publishFiles(
  files: BenchFiles,
  destination: Record<string, unknown>,
): Promise<{ rows: number; sum: string }> {
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
    await session.migrate();
    const result = await session.publish(requestOf(files, config.destination), (encoding) =>
      parsePackageBlobs(files.blobs, USAGE.table, { encoding }),
    );
    return { rows: result.counts.inserted, sum: result.sums[files.currency] ?? '' };
  } finally {
    await session.close();
    await opened.close();
  }
}

/** The same with the sink discarded: what reading, inflating, decoding and hashing cost, and what they keep. */
export async function parseFiles(files: BenchFiles, times: number): Promise<{ rows: number; sum: null }> {
  let rows = 0;
  const blobs = Array.from({ length: times }, () => files.blobs).flat();
  for await (const part of parsePackageBlobs(blobs, USAGE.table, {})) {
    if (part.kind === 'batch') rows += part.batch.records.numRows;
  }
  return { rows, sum: null };
}

function requestOf(files: BenchFiles, destination: DestinationConfig): PublishRequest {
  return {
    table: USAGE.table,
    stream: USAGE.name,
    scope: { by: 'invoice', stream: USAGE.name, invoice: files.invoice },
    runId: 'bench',
    loadId: `bench-${destination.type}`,
    connectorVersion: 'bench',
    attributeSet: 'full',
    eTag: 'bench',
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
