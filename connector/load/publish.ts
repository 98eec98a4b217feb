import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, TransientError } from '../../schemas/errors.js';
import type { Report } from '../../schemas/progress.js';
import type { RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText } from '../../schemas/scope.js';
import { allowEmptyCommand } from '../allow-empty-command.js';
import { atStep } from '../run-step.js';
import type { PartsSource, PublishRequest, PublishResult, SqlConnection } from './destination.js';
import { bindTenant } from './bind-tenant.js';
import { DirectRefused, directly, directTarget, numberRepeats } from './direct-load.js';
import { loadedRows, type LoadWay } from './loaded-rows.js';
import { applyChanges, planChanges, readPublished, type RowChanges } from './narrow-diff.js';
import { prove, proveRows, type Proof } from './prove.js';
import { billingMonth, publishSql, unproven, type Publishing } from './publishing.js';
import {
  publishedSnapshot,
  recordPublished,
  recordedResult,
  type SnapshotRecord,
} from './record-snapshot.js';
import { createStaging, stageParts } from './stage-parts.js';

/** How often a publish is tried before a transient failure of the database is passed on. */
export const PUBLISH_ATTEMPTS = 3;

/** What a publish needs beside the request. */
export interface PublishOptions {
  readonly dataset: string;
  /** Waits between two tries; the machine's own clock where it is absent. */
  readonly sleep?: (ms: number) => Promise<void>;
  readonly report?: Report;
}

/**
 * Makes a snapshot the current one in one transaction: lock, stage, prove, compare, apply, record. A reader sees
 * the whole old or the whole new snapshot, and what is recorded is in the same transaction. When the database gives
 * up on the transaction (deadlock, serialization, restart), all of it is tried again, {@link PUBLISH_ATTEMPTS}
 * times at most. The first load of a scope goes straight into the table; where that is refused, it is begun again by way
 * of the staging table, as all others. A snapshot that is published already (same eTag, attribute set and table version) is left alone, unless it
 * is to be reloaded.
 * @throws ConfigError when the dataset belongs to another tenant, or `basic` would replace `full`
 * @throws IntegrityError when the snapshot is not proven whole, or is empty where rows are published; the fact
 * `rule` names the proof: `blobs`, `counts`, `invoice`, `currency`, `month`, `ownership`, `empty`
 * @throws DataError when more records were rejected than the limit allows
 */
export async function publish(
  connection: SqlConnection,
  options: PublishOptions,
  request: PublishRequest,
  parts: PartsSource,
): Promise<PublishResult> {
  const { dataset, report, sleep = (ms) => wait(ms) } = options;
  let mayBeDirect = true;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await connection.transaction((transaction) =>
        publishOnce({ transaction, dataset, request }, parts, mayBeDirect),
      );
      atStep('after commit');
      return result;
    } catch (error) {
      if (error instanceof DirectRefused && mayBeDirect) {
        mayBeDirect = false;
        continue;
      }
      if (!(error instanceof TransientError) || attempt === PUBLISH_ATTEMPTS) throw error;
      const waitMs = 1000 * 4 ** (attempt - 1);
      report?.({
        event: 'retried',
        scope: request.scope,
        what: 'load',
        cause: error.message,
        why: 'database',
        attempt,
        waitMs,
      });
      await sleep(waitMs);
    }
  }
}

async function publishOnce(
  publishing: Publishing,
  parts: PartsSource,
  mayBeDirect: boolean,
): Promise<PublishResult> {
  const { transaction, dataset } = publishing;
  await transaction.rows(publishSql(publishing, 'lock'), [dataset]);
  await transaction.rows(publishSql(publishing, 'settings'));
  const { tenantId, now, scope } = publishing.request;
  await bindTenant(transaction, dataset, { tenantId, now, scope: scopeText(scope) });
  const current = await publishedSnapshot(publishing);
  if (current !== undefined && isSame(publishing.request, current))
    return recordedResult(publishing, current);
  refuseBasicOverFull(publishing.request, current);

  const staging = await createStaging(publishing);
  const direct = mayBeDirect && current === undefined ? await directTarget(publishing, staging) : null;
  const staged = await stageParts(publishing, parts, direct ?? staging);
  if (direct === null) await transaction.run(publishSql(publishing, 'analyze staged'));
  else await directly(publishing, () => numberRepeats(publishing, direct));
  atStep('staged');
  const way = direct === null ? 'staged' : 'direct';
  const { proof, digest: inTable } = await prove(publishing, staged, way);
  atStep('proof done');
  const { changes, digest } =
    direct === null
      ? await replaceRows(publishing, proof, current)
      : { changes: await firstRows(publishing, proof), digest: inTable };
  proveRows(publishing, staged.digest, digest);
  const result = await recordPublished(publishing, { ...proof, digest }, changes, current);
  for (const table of ['carried', 'planned', 'unmatched', 'published', 'scope', 'staged']) {
    await transaction.run(publishSql(publishing, `drop ${table}`));
  }
  atStep('before commit');
  return result;
}

function isSame(request: PublishRequest, current: SnapshotRecord): boolean {
  // Of a reload only this very load is: its commit's answer was lost.
  if (request.reload) return current.loadId === request.loadId;
  return (
    current.eTag === request.eTag &&
    current.attributeSet === request.attributeSet &&
    current.tableVersion === request.table.version
  );
}

function refuseBasicOverFull(request: PublishRequest, current: SnapshotRecord | undefined): void {
  if (current?.attributeSet !== 'full' || request.attributeSet !== 'basic' || request.allowBasicOverFull)
    return;
  throw new ConfigError({
    message: `${scopeLabel(request.scope)}: attribute set basic would replace the published full one`,
    hint: 'set attribute_set: full for the stream, or allow the loss of columns by name',
    facts: { rule: 'basic over full', scope: scopeText(request.scope) },
  });
}

async function replaceRows(
  publishing: Publishing,
  proof: Proof,
  current: SnapshotRecord | undefined,
): Promise<{ readonly changes: RowChanges; readonly digest: RowsDigest }> {
  const { request } = publishing;
  const { rows, strays } = await readPublished(publishing, [
    ...(current?.invoiceNumbers ?? []),
    ...proof.invoiceNumbers,
  ]);
  // What a reload finds in the table proves nothing, but what was published before does.
  const published = request.reload ? (current?.counts.staged ?? rows) : rows;
  if (proof.staged === 0 && published > 0 && !request.allowEmpty) {
    const what = `the export is empty and ${published} rows are published`;
    const hint = `the published snapshot is kept; if it is empty indeed, publish that by name: ${allowEmptyCommand(request.scope)}`;
    throw unproven(publishing, 'empty', what, hint, { published });
  }
  const changes = await planChanges(publishing, proof.staged, rows);
  // The same eTag or other columns: it was not Microsoft who changed the records. A reload cannot tell who did.
  const ours =
    request.reload || current?.attributeSet !== request.attributeSet || current.eTag === request.eTag;
  const digest = await applyChanges(publishing, changes, proof.staged, ours ? 'reloaded' : null);
  await keepTotals(publishing, 'staged');
  return { changes: { ...changes, deleted: changes.deleted + strays }, digest };
}

/** The changes of a first load that is in the table already. */
async function firstRows(publishing: Publishing, proof: Proof): Promise<RowChanges> {
  await keepTotals(publishing, 'direct');
  return { inserted: proof.staged, updated: 0, deleted: 0, unchanged: 0 };
}

async function keepTotals(publishing: Publishing, way: LoadWay): Promise<void> {
  const { transaction, request } = publishing;
  const { scope } = request;
  if (scope.by !== 'month') return;
  const sql = publishSql(publishing, 'keep totals', { loaded: loadedRows(publishing, way) });
  await transaction.run(sql, [request.loadId, request.stream, billingMonth(request), scope.currency]);
}
