import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_FILES } from '../schemas/load-package.js';
import { scopeLabel } from '../schemas/scope.js';
import { syncFolder } from './durable-file.js';
import type { LoadPackage, Spool } from './load-package.js';
import type { RecordedState } from './load/destination.js';
import type { Plan, PlannedExport } from './plan.js';

/**
 * The plan to parse refused load packages again: each is unfinished from here on, and loads from the spool. Graph is asked
 * only where a package no longer answers what is configured, or another snapshot was published since. Superseded scopes
 * are left as they are.
 * @param labels the scopes (`stream scope`) to look at
 */
export async function planRetry(
  spool: Spool,
  state: RecordedState,
  labels: readonly string[],
): Promise<Plan> {
  const superseded = new Set(
    state.scopes.filter((entry) => entry.state === 'superseded').map(({ scope }) => scopeLabel(scope)),
  );
  const exports: PlannedExport[] = [];
  for (const one of await spool.list()) {
    const { scope, attributeSet, period } = one.exportRecord;
    const label = scopeLabel(scope);
    const refusal = one.refusal();
    if (refusal === null || !labels.includes(label) || superseded.has(label)) continue;
    await forgetRefusal(one);
    exports.push({
      request: { scope, attributeSet, ...(period === undefined ? {} : { period }) },
      reason: `parsed again; refused at ${refusal.at} by version ${refusal.connectorVersion}`,
      whenNoData: 'no data',
      noDataIsUsual: false,
      allowEmpty: false,
    });
  }
  return { exports, left: [], warnings: [] };
}

/** Whoever opens the package from here on finds it unfinished. */
async function forgetRefusal({ path }: LoadPackage): Promise<void> {
  await rm(join(path, PACKAGE_FILES.refusal), { force: true });
  await syncFolder(path);
}
