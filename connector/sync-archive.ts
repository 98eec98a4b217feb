import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IntegrityError } from '../schemas/errors.js';
import type { ProofDocument } from '../schemas/proof.js';
import { scopeLabel, scopeText, type Scope } from '../schemas/scope.js';
import { allowEmptyCommand } from './allow-empty-command.js';
import { archiveStock, type ArchiveStock } from './archive-stock.js';
import { makeFolder } from './durable-file.js';
import { endRun } from './end-run.js';
import { loadContextOf, withRun } from './hold-dataset.js';
import { interrupted } from './interruption.js';
import type { LoadContext } from './load-context.js';
import { LoadPackage } from './load-package.js';
import { loadPackage } from './load-scope.js';
import { RELOAD_REASON, scopesToReload } from './plan-reload.js';
import { readLedger } from './proof-ledger.js';
import { publishedIn, type PublishedOf } from './published-of.js';
import { archivedPackageOf } from './reload-from-archive.js';
import type { EndedRun, Run, SyncOptions } from './run-context.js';
import { failed, reloaded } from './scope-ending.js';
import { loadEnding, scopeResult, type ScopeResult } from './scope-result.js';

/** What filling a destination from an archive is given. */
export interface ArchiveSyncOptions extends SyncOptions {
  /** The archive's folder, absolute. */
  readonly archive: string;
}

const REASON = 'in the archive, and not published here';

/**
 * Fills a destination from the packages of an archive, with no network: in the order of publishing, only what is
 * missing, by the same way as what comes from Graph, to the same keys, history and digests. The archive is only read. A
 * scope of which something is published that the archive does not have is left alone, with a warning; one whose last
 * snapshot was published empty by name is an error, for its packages are not the last word. With scopes to reload, these
 * are published anew from the package of what is published, and nothing else.
 * @throws ConfigError when the archive holds nothing or not only one dataset, or has no package of what is to be
 * reloaded; as {@link withRun} does
 */
export async function syncFromArchive(options: ArchiveSyncOptions): Promise<EndedRun> {
  return await withRun(options, async (run) => {
    const { config } = run.loaded;
    const { tenant_id: tenantId } = config.source;
    const stock = await archiveStock(options.archive, {
      tenantId,
      dataset: config.destination.dataset,
    });
    const heldBy = await run.dataset.prepare();
    if (heldBy !== null) throw heldBy;
    const former = run.dataset.state.lastRun;
    const { results, warnings } =
      run.selection.reload === undefined
        ? await loadMissing(run, options.archive, stock)
        : await reloadNamed(run, run.selection.reload, stock);
    const plan = { exports: [], left: [], warnings };
    const summary = await endRun(run, { plan, invoiceList: null, results, warnings });
    return { summary, former, state: run.dataset.state };
  });
}

/** What loading packages of an archive came to. */
interface LoadedPackages {
  readonly results: readonly ScopeResult[];
  readonly warnings: readonly string[];
}

async function loadMissing(run: Run, archive: string, stock: ArchiveStock): Promise<LoadedPackages> {
  const { packages, tenantId, dataset } = stock;
  const { proofs } = await readLedger(join(archive, tenantId, dataset));
  const emptied = emptiedSince(packages, proofs);
  const usable = packages.filter(({ exportRecord }) => !emptied.has(scopeLabel(exportRecord.scope)));
  const { missing, warnings } = missingPackages(usable, publishedIn(run.dataset.state));
  for (const message of warnings) run.report({ event: 'warning', message, hint: '' });
  const load: LoadContext = { ...loadContextOf(run), archive: null };
  const results = [...emptied.values()].map((scope) =>
    scopeResult(load, REASON, failed(scope, notTheLast(scope))),
  );
  // One after the other: what is newer must find what is older.
  for (const archived of missing) results.push(await loadArchived(run, load, archived));
  return { results, warnings };
}

async function reloadNamed(
  run: Run,
  named: readonly string[],
  { packages }: ArchiveStock,
): Promise<LoadedPackages> {
  const wanted = scopesToReload(run.dataset.state, named).map((one) => archivedPackageOf(packages, one));
  const results: ScopeResult[] = [];
  // The dataset's own ledger gets a line of each, as of any other snapshot.
  const load = loadContextOf(run);
  for (const archived of wanted) results.push(await loadArchived(run, load, archived, true));
  return { results, warnings: [] };
}

/** Scopes whose last published snapshot, as the ledger says, is an empty one that was published by name: no package has it. */
function emptiedSince(
  packages: readonly LoadPackage[],
  proofs: readonly ProofDocument[],
): ReadonlyMap<string, Scope> {
  const last = new Map(proofs.map((proof) => [`${proof.stream} ${proof.scope}`, proof]));
  const emptied = packages
    .map(({ exportRecord: { scope } }) => [scopeLabel(scope), scope] as const)
    .filter(([label]) => last.get(label)?.manifest_id === '');
  return new Map(emptied);
}

function notTheLast(scope: Scope): IntegrityError {
  return new IntegrityError({
    message: `${scopeLabel(scope)}: what was published last of it is empty, by name, and the archive has only what was there before`,
    hint: `nothing of it is loaded; load it by a new export: ${allowEmptyCommand(scope)}`,
    facts: { rule: 'archive', scope: scopeText(scope) },
  });
}

/** What of each scope is newer in the archive than what is published here. */
function missingPackages(
  packages: readonly LoadPackage[],
  publishedOf: PublishedOf,
): { readonly missing: readonly LoadPackage[]; readonly warnings: readonly string[] } {
  const byScope = new Map<string, LoadPackage[]>();
  for (const one of packages) {
    const label = scopeLabel(one.exportRecord.scope);
    byScope.set(label, [...(byScope.get(label) ?? []), one]);
  }
  const warnings: string[] = [];
  const wanted = new Set<LoadPackage>();
  for (const [label, ofScope] of byScope) {
    const published = publishedOf(ofScope[0]!.exportRecord.scope);
    const at = ofScope.findLastIndex(
      (one) =>
        one.manifest()?.eTag === published?.eTag && one.exportRecord.attributeSet === published?.attributeSet,
    );
    if (published !== null && at < 0) {
      warnings.push(
        `${label}: eTag ${published.eTag} is published here, which the archive does not have: left alone`,
      );
      continue;
    }
    for (const one of ofScope.slice(at + 1)) wanted.add(one);
  }
  return { missing: packages.filter((one) => wanted.has(one)), warnings };
}

/** Loads a copy of an archived package: whatever becomes of it, the archive stays as it is. */
async function loadArchived(
  run: Run,
  load: LoadContext,
  archived: LoadPackage,
  reload = false,
): Promise<ScopeResult> {
  const { scope } = archived.exportRecord;
  const reason = reload ? RELOAD_REASON : REASON;
  load.report({ event: 'scope.started', scope, reason });
  const folder = join(run.spool.folderOf(scope), archived.packageId);
  try {
    const copy = await copyOf(archived, folder);
    const shown = copy.manifest()?.billingMonth;
    const billingMonthFrom = shown === undefined ? null : 'manifest';
    const asked = { scope, billingMonthFrom, allowEmpty: true, reload, isCopy: true };
    const loaded = await loadPackage(load, { ...asked, package: copy });
    if (loaded.kind === 'damaged blob') throw loaded.error;
    const ending = loadEnding(scope, loaded, []);
    return scopeResult(load, reason, reload ? reloaded(ending, archived.manifest()?.eTag) : ending);
  } catch (thrown) {
    return scopeResult(load, reason, failed(scope, interrupted(thrown, run.signal)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyOf(archived: LoadPackage, folder: string): Promise<LoadPackage> {
  if (!(await archived.isWhole())) {
    throw new IntegrityError({
      message: `the archived package ${archived.path} is not whole: a blob or its record is missing, or has another length`,
      hint: 'restore it from a backup, or load the scope by a new export',
      facts: { rule: 'archive', package: archived.packageId },
    });
  }
  await rm(folder, { recursive: true, force: true });
  await makeFolder(dirname(folder));
  await cp(archived.path, folder, { recursive: true });
  const copy = await LoadPackage.open(folder);
  if (copy !== null) return copy;
  throw new IntegrityError({
    message: `the archived package ${archived.path} cannot be read`,
    hint: 'it was made by a newer connector, or changed; restore it from a backup',
    facts: { rule: 'archive', package: archived.packageId },
  });
}
