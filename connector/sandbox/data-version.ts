import { createHash } from 'node:crypto';
import { monthOf } from '../../schemas/scope.js';
import type { AttributeSet } from '../../schemas/streams.js';
import { dayText, isUsage, nextMonthStart, scopeKey, scriptKey, type DataScope } from './data-scope.js';
import type { ContentFault } from './faults.js';
import type { Settings } from './options.js';
import type { Restatement } from './restatement.js';
import { guidOf, opaqueOf } from './seeded.js';

/** Raised when the same options begin to give other bytes, so that no cache hands out old ones. */
const GENERATOR = 2;
const MINUTE = 60_000;

/** One version of a scope's data in one attribute set: what an eTag stands for. */
export interface DataVersion {
  readonly scope: DataScope;
  readonly attributeSet: AttributeSet;
  readonly restatement: Restatement;
  readonly faults: readonly ContentFault[];
  /** The same text means the same bytes; safe as a file name. */
  readonly key: string;
  readonly eTag: string;
  readonly manifestId: string;
  /** When the service produced it. */
  readonly createdAt: Date;
  readonly container: string;
  /** Path below the container, seven segments (api-contract.md 3.2). */
  readonly directory: string;
}

/** The version of a scope at a restatement, with the faults that change its content. */
export function versionOf(
  settings: Settings,
  scope: DataScope,
  attributeSet: AttributeSet,
  restatement: Restatement,
  faults: readonly ContentFault[],
): DataVersion {
  const { seed, tenantId, usageRows, reconciliationRows, blobs } = settings;
  const rows = settings.calendar === null ? usageRows : `${settings.calendar.usageRowsPerDay} a day`;
  const sizes = [GENERATOR, seed, tenantId, rows, reconciliationRows, blobs].join(' ');
  const identity = `${sizes} ${scopeKey(scope)} ${scope.ordinal} ${scope.days} ${attributeSet} ${restatement.history} ${faults.join(' ')}${scriptKey(scope)}`;
  const stamp = stampOf(settings, scope, restatement);
  return {
    scope,
    attributeSet,
    restatement,
    faults,
    key: createHash('sha256').update(identity).digest('hex').slice(0, 40),
    eTag: opaqueOf(`${identity} eTag`),
    manifestId: guidOf(`${identity} manifest`),
    createdAt: new Date(stamp.getTime() + 144 * MINUTE),
    container: containerOf(scope),
    directory: directoryOf(tenantId, scope, attributeSet, stamp),
  };
}

function containerOf(scope: DataScope): string {
  const billed = scope.invoice === null ? 'unbilled' : 'billed';
  return `${billed}${isUsage(scope.stream) ? 'usage' : 'recon'}fastpath`;
}

function directoryOf(tenantId: string, scope: DataScope, attributeSet: AttributeSet, stamp: Date): string {
  const version = stamp.toISOString().replace(/\D/g, '').slice(0, 12);
  const tenant = `PartnerTenantId=${tenantId}`;
  const month = `BillingMonth=${scope.month.replace('-', '')}`;
  const tail = [`Fragment=${attributeSet}`, 'PartitionType=default'];
  const parts =
    scope.invoice === null
      ? ['v1', version, tenant, month, `Currency=${scope.currency}`, ...tail]
      : ['v1', tenant, month, `InvoiceId=${scope.invoice}`, `InvoiceVersion=${version}`, ...tail];
  return parts.join('/');
}

/**
 * When the data was drawn up: an invoice on the 8th of the next month, a closed month on the day after it, the month
 * in progress today; every restatement a minute later. Never in the future.
 */
function stampOf(settings: Settings, scope: DataScope, restatement: Restatement): Date {
  const now = settings.now();
  if (scope.scripted !== undefined) return scriptedStamp(scope.scripted.drawnUp, restatement, now);
  const today = now.toISOString().slice(0, 10);
  const next = nextMonthStart(scope.month);
  const drawnUp =
    scope.invoice !== null
      ? `${dayText(next.slice(0, 7), 8)}T07:13:00Z`
      : scope.month === monthOf(now)
        ? `${today}T00:00:00Z`
        : `${next}T04:00:00Z`;
  const stamp = new Date(Date.parse(drawnUp) + restatement.number * MINUTE);
  const latest = now.getTime() - 144 * MINUTE;
  if (stamp.getTime() <= latest) return stamp;
  const midnight = Date.parse(`${today}T00:00:00Z`) - 144 * MINUTE;
  return new Date(Math.min(stamp.getTime(), midnight) + restatement.number * MINUTE);
}

/** With a calendar: so that the manifest is made as its day begins, a minute later with each restatement. */
function scriptedStamp(drawnUp: string, restatement: Restatement, now: Date): Date {
  const made = Date.parse(`${drawnUp}T00:00:00Z`) + restatement.number * MINUTE;
  return new Date(Math.min(made, now.getTime()) - 144 * MINUTE);
}
