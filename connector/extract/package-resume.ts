import type { Config } from '../../schemas/config.js';
import type { Report } from '../../schemas/progress.js';
import { monthOfPeriod, scopeLabel, type ExportRequest, type Scope } from '../../schemas/scope.js';
import type { Clock } from '../clock.js';
import { newPackageId, type LoadPackage, type Spool } from '../load-package.js';
import { atStep } from '../run-step.js';
import type { PublishedOf } from './export-outcome.js';
import type { PackageClaims } from './package-claims.js';

/** What choosing a package depends on. */
export interface ResumeContext {
  readonly config: Config;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly report: Report;
  readonly request: ExportRequest;
  readonly publishedOf: PublishedOf;
  readonly claims: PackageClaims;
}

/**
 * The package to go on with: the newest unfinished one of the scope that still answers the request, or a new one.
 * Unfinished packages that do not (another attribute set, another Graph, an operation past its deadline, data that
 * another run has overtaken) are deleted; those of other requests of this run are left alone. A package whose month
 * Graph has fixed answers for that month whatever it was called when it was asked for: `current` on the 31st is `last`
 * on the 1st (architecture.md section 3).
 */
export async function resumeOrBegin(context: ResumeContext): Promise<LoadPackage> {
  const { request, claims, report } = context;
  let chosen: LoadPackage | null = null;
  for (const found of await unfinishedOf(context)) {
    if (claims.isTaken(found.packageId, request)) continue;
    if (chosen === null && answersRequest(context, found) && claims.claim(found.packageId, request))
      chosen = found;
    else await found.remove();
  }
  if (chosen === null) return await beginPackage(context, request);
  const { operation, period } = chosen.exportRecord;
  if (period !== request.period) await chosen.note({ period: request.period });
  if (operation !== undefined || chosen.manifest() !== null) {
    report({
      event: 'export.resumed',
      scope: request.scope,
      packageId: chosen.packageId,
      ...(operation?.id === undefined ? {} : { operationId: operation.id }),
    });
  }
  return chosen;
}

/** Begins a package that belongs to the request, before anybody else can come upon it. */
export async function beginPackage(context: ResumeContext, request: ExportRequest): Promise<LoadPackage> {
  const { spool, config, clock, claims } = context;
  const now = clock.now();
  const packageId = newPackageId(now);
  claims.claim(packageId, context.request);
  const begun = await spool.begin(request, config.source.graph_url, now, packageId);
  atStep('package begun');
  return begun;
}

/** Under the planned month, and under the month that Graph's word means by now. */
async function unfinishedOf({ spool, request, clock }: ResumeContext): Promise<LoadPackage[]> {
  const scopes = new Map<string, Scope>([[scopeLabel(request.scope), request.scope]]);
  if (request.scope.by === 'month' && request.period !== undefined) {
    const scope = { ...request.scope, month: monthOfPeriod(request.period, clock.now()) };
    scopes.set(scopeLabel(scope), scope);
  }
  const found: LoadPackage[] = [];
  for (const scope of scopes.values()) found.push(...(await spool.unfinished(scope)));
  return found;
}

function answersRequest({ config, clock, request, publishedOf }: ResumeContext, found: LoadPackage): boolean {
  const record = found.exportRecord;
  // Without an operation Graph has fixed no month: what the word would mean now is not what it meant then.
  const isAsked = record.operation !== undefined || record.period === request.period;
  const isOfRequest =
    isAsked &&
    record.attributeSet === request.attributeSet &&
    record.graphUrl === config.source.graph_url &&
    record.tenantId === config.source.tenant_id;
  if (!isOfRequest) return false;
  const manifest = found.manifest();
  if (manifest === null) {
    return record.operation === undefined || Date.parse(record.operation.deadline) > clock.now().getTime();
  }
  if (record.over === undefined) return true;
  const published = publishedOf(record.scope);
  const isOwn = published?.eTag === manifest.eTag && published.attributeSet === record.attributeSet;
  const isOld =
    published?.eTag === record.over?.eTag && published?.attributeSet === record.over?.attributeSet;
  return isOwn || isOld;
}
