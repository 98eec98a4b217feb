import type { Config } from '../schemas/config.js';
import type { Scope } from '../schemas/scope.js';
import { STREAMS } from '../schemas/streams.js';
import type { EmptyScope, LoadContext, PackageToLoad } from './load-context.js';
import type { PublishRequest } from './load/destination.js';

type Base = Pick<
  PublishRequest,
  | 'table'
  | 'stream'
  | 'scope'
  | 'runId'
  | 'loadId'
  | 'connectorVersion'
  | 'tenantId'
  | 'acceptInvoiceNumbers'
  | 'rejectedLimit'
  | 'allowBasicOverFull'
  | 'now'
>;

/** The request to publish a whole package. @throws SystemError when it is not whole */
export async function publishRequest(context: LoadContext, toLoad: PackageToLoad): Promise<PublishRequest> {
  const { scope } = toLoad;
  const record = toLoad.package.exportRecord;
  const manifest = await toLoad.package.wholeManifest();
  return {
    ...baseOf(context, scope),
    attributeSet: record.attributeSet,
    eTag: manifest.eTag,
    billingMonthFrom: toLoad.billingMonthFrom,
    billingMonth: scope.by === 'month' ? scope.month : (manifest.billingMonth ?? null),
    operationId: manifest.operationId ?? record.operation?.id ?? null,
    manifestId: manifest.id,
    manifestCreatedAt: manifest.createdAt ?? null,
    requestIds: record.requestIds,
    rootDirectory: manifest.rootDirectory,
    blobs: await toLoad.package.blobs(),
    allowEmpty: toLoad.allowEmpty,
    reload: toLoad.reload ?? false,
  };
}

/** The request to publish that a scope has no data. There is no manifest: its facts are empty. */
export function emptyRequest(context: LoadContext, empty: EmptyScope): PublishRequest {
  const { scope, attributeSet, answer, billingMonth } = empty;
  return {
    ...baseOf(context, scope),
    attributeSet,
    eTag: answer,
    billingMonthFrom: scope.by === 'month' ? 'export date' : null,
    billingMonth: scope.by === 'month' ? scope.month : billingMonth,
    operationId: null,
    manifestId: '',
    manifestCreatedAt: null,
    requestIds: [],
    rootDirectory: '',
    blobs: [],
    allowEmpty: true,
    reload: empty.reload,
  };
}

function baseOf(context: LoadContext, scope: Scope): Base {
  const { table, name: stream } = STREAMS[scope.stream];
  const { runId, connectorVersion, config } = context;
  return {
    ...{ table, stream, scope, runId, connectorVersion },
    loadId: context.newLoadId(),
    tenantId: config.source.tenant_id,
    acceptInvoiceNumbers: acceptedInvoices(config, scope),
    rejectedLimit: config.limits.rejected_records,
    allowBasicOverFull: false,
    now: context.clock.now(),
  };
}

function acceptedInvoices(config: Config, scope: Scope): readonly string[] {
  if (scope.stream !== 'billed_usage' && scope.stream !== 'billed_reconciliation') return [];
  return config.streams[scope.stream]?.accept_invoice_numbers ?? [];
}
