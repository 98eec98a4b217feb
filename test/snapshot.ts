import type { BlobCounts, ParsedPart } from '../schemas/batch.js';
import type { PublishRequest } from '../connector/load/destination.js';
import type { Scope } from '../schemas/scope.js';
import { STREAMS } from '../schemas/streams.js';
import type { Table } from '../schemas/table.js';
import { parseBlob } from '../transforms/parse-blob.js';

/** The partner tenant of test records. */
export const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';

/** A record as the service sends it: field names to JSON values; decimals as text, so that they are exact. */
export type SourceRecord = Readonly<Record<string, unknown>>;

/** What a package holds, parsed: blobs by name, each with its lines. */
export interface Snapshot {
  readonly blobs: PublishRequest['blobs'];
  readonly parts: () => AsyncIterable<ParsedPart>;
}

/** Parses records (or lines as they stand) as blobs, by the product's own parser. */
export async function snapshotOf(
  table: Table,
  blobs: Readonly<Record<string, readonly (SourceRecord | string)[]>>,
  batchRows = 4096,
): Promise<Snapshot> {
  const parts: ParsedPart[] = [];
  const listed: { name: string; bytes: number; sha256: string }[] = [];
  for (const [name, records] of Object.entries(blobs)) {
    const lines = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
    const bytes = Buffer.from(lines.length === 0 ? '\n' : lines.join('\n'));
    for await (const part of parseBlob(oneChunk(bytes), name, table, { batchRows })) {
      parts.push(part);
      if (part.kind === 'counts') listed.push(blobOf(part.counts));
    }
  }
  return {
    blobs: listed,
    parts: async function* () {
      for (const part of parts) yield await Promise.resolve(part);
    },
  };
}

/** A daily rated usage record of an invoice, with what every record must have. */
export function usageRecord(fields: SourceRecord = {}): SourceRecord {
  return {
    PartnerId: TENANT,
    CustomerId: 'c1',
    CustomerName: 'Contoso',
    InvoiceNumber: 'G000001',
    ProductId: 'DZH318Z0BPS6',
    SkuId: '0001',
    SubscriptionId: 's1',
    MeterId: 'm1',
    UsageDate: '2026-10-05T00:00:00Z',
    ChargeStartDate: '2026-10-01T00:00:00Z',
    UnitPrice: '0.5',
    EffectiveUnitPrice: '0.5',
    Quantity: '2',
    BillingPreTaxTotal: '1',
    BillingCurrency: 'USD',
    PricingCurrency: 'USD',
    ...fields,
  };
}

/** A usage record of an open month. */
export function unbilledRecord(fields: SourceRecord = {}): SourceRecord {
  return usageRecord({ InvoiceNumber: '', UsageDate: '2026-11-05T00:00:00Z', ...fields });
}

/** A line of an invoice that charges usage. */
export function lineRecord(fields: SourceRecord = {}): SourceRecord {
  return {
    PartnerId: TENANT,
    CustomerId: 'c1',
    CustomerName: 'Contoso',
    InvoiceNumber: 'G000001',
    OrderDate: '2026-10-01T00:00:00Z',
    ProductId: 'P',
    SkuId: '0001',
    AvailabilityId: 'A',
    SubscriptionId: 's1',
    ChargeType: 'new',
    ChargeStartDate: '2026-10-01T00:00:00Z',
    ChargeEndDate: '2026-10-31T00:00:00Z',
    UnitPrice: '1',
    EffectiveUnitPrice: '1',
    Quantity: '1',
    Subtotal: '1',
    TaxTotal: '0',
    Total: '1',
    Currency: 'USD',
    PricingCurrency: 'USD',
    MeterDescription: 'Compute Hours',
    ...fields,
  };
}

/** The request to publish a snapshot: everything in order unless said otherwise. */
export function publishRequest(
  scope: Scope,
  snapshot: Snapshot,
  fields: Partial<PublishRequest> & Pick<PublishRequest, 'loadId' | 'eTag'>,
): PublishRequest {
  return {
    table: STREAMS[scope.stream].table,
    stream: scope.stream,
    scope,
    runId: 'run-1',
    connectorVersion: '0.0.0-test',
    attributeSet: 'full',
    tenantId: TENANT,
    billingMonthFrom: scope.by === 'month' ? 'export date' : null,
    billingMonth: scope.by === 'month' ? scope.month : null,
    operationId: 'operation-1',
    manifestId: 'manifest-1',
    manifestCreatedAt: '2026-11-08T10:00:00.000Z',
    requestIds: ['request-1', 'request-2'],
    rootDirectory: 'https://account.blob.core.windows.net/container/root',
    blobs: snapshot.blobs,
    acceptInvoiceNumbers: [],
    rejectedLimit: 0,
    allowEmpty: false,
    allowBasicOverFull: false,
    reload: false,
    now: new Date('2026-11-09T12:00:00.000Z'),
    ...fields,
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function blobOf(counts: BlobCounts): { name: string; bytes: number; sha256: string } {
  return { name: counts.blobName, bytes: counts.bytes, sha256: counts.sha256 };
}
