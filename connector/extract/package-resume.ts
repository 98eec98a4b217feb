import type { Config } from '../../schemas/config.js';
import type { Report } from '../../schemas/progress.js';
import { monthOfPeriod, scopeLabel, type ExportRequest, type Scope } from '../../schemas/scope.js';
import type { Clock } from '../clock.js';
import type { LoadPackage, Spool } from '../load-package.js';
import type { PublishedOf } from './export-outcome.js';

/** What choosing a package depends on. */
export interface ResumeContext {
  readonly config: Config;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly report: Report;
  readonly request: ExportRequest;
  readonly publishedOf: PublishedOf;
}

/**
 * The package to go on with: the newest unfinished one of the scope that still answers the request, or a new one.
 * Unfinished packages that do not (another attribute set or period, another Graph, an operation past its deadline,
 * data that another run has overtaken) are deleted.
 */
export async function resumeOrBegin(context: ResumeContext): Promise<LoadPackage> {
  const { spool, report, request, config, clock } = context;
  let chosen: LoadPackage | null = null;
  for (const found of await unfinishedOf(context)) {
    if (chosen === null && answersRequest(context, found)) chosen = found;
    else await found.remove();
  }
  if (chosen === null) return await spool.begin(request, config.source.graph_url, clock.now());
  const { operation } = chosen.exportRecord;
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

/** Under the planned month, and under the month that Graph's word means by now. */
async function unfinishedOf({ spool, request, clock }: ResumeContext): Promise<LoadPackage[]> {
  const scopes = new Map<string, Scope>([[scopeLabel(request.scope), request.scope]]);
  if (request.scope.by === 'month' && request.period !== undefined) {
    const scope = { ...request.scope, month: monthOfPeriod(request.period, clock.now()) };
    scopes.set(scopeLabel(scope), scope);
  }
  const found: LoadPackage[] = [];
  for (const scope of scopes.values()) found.push(...(await spool.unfinished(scope)));
  return found.filter((one) => one.exportRecord.period === request.period || isLeftBehind(one, clock));
}

/**
 * A package asked for by Graph's other word (`current`, when this is `last`) may be that request's work in this very
 * run, around midnight at the turn of the month. It is nobody's when its operation is not waited for any more.
 */
function isLeftBehind(found: LoadPackage, clock: Clock): boolean {
  const { operation } = found.exportRecord;
  return operation === undefined || Date.parse(operation.deadline) <= clock.now().getTime();
}

function answersRequest({ config, clock, request, publishedOf }: ResumeContext, found: LoadPackage): boolean {
  const record = found.exportRecord;
  const asked =
    record.attributeSet === request.attributeSet &&
    record.period === request.period &&
    record.graphUrl === config.source.graph_url &&
    record.tenantId === config.source.tenant_id;
  if (!asked) return false;
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
