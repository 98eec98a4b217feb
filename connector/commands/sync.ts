import { resolve } from 'node:path';
import { ConfigError } from '../../schemas/errors.js';
import type { StreamName } from '../../schemas/streams.js';
import { onlyTenantOf } from '../archive-stock.js';
import type { CommandContext } from '../command-context.js';
import { EVERYTHING } from '../selection.js';
import { runMainJob } from './run-main-job.js';
import { tellSummary } from './tell-summary.js';

/** Options of `partner-billing sync`. */
export interface SyncOptions {
  readonly stream?: readonly StreamName[];
  readonly invoice?: readonly string[];
  /** Scopes, `[STREAM:]SCOPE`, of which an empty answer is published. */
  readonly allowEmpty?: readonly string[];
  /** Published scopes, `[STREAM:]SCOPE`, that are published anew, to put right what was changed by hand; nothing else is. */
  readonly reload?: readonly string[];
  /** Folder of an archive, relative to the working directory: fill the destination from it, with no network. */
  readonly fromArchive?: string;
  readonly metricsFile?: string;
  readonly json?: boolean;
}

/**
 * `partner-billing sync`: runs the main job with progress on standard error. The summary goes there too, or with
 * `--json` as one document to standard output. Returns the run's exit code.
 */
export async function sync(context: CommandContext, options: SyncOptions): Promise<number> {
  if (options.fromArchive !== undefined) return await syncArchive(context, options, options.fromArchive);
  const { stream = [], invoice = [], allowEmpty = [], reload } = options;
  if (reload !== undefined) refuseSelection(options, '--reload takes the scopes that it names');
  const loaded = await context.loadConfig();
  const selection = { streams: stream, invoices: invoice, allowEmpty, reload };
  const { metricsFile, json = false } = options;
  const summary = await runMainJob(context, { loaded, selection, metricsFile });
  return await tellSummary(context, summary, json);
}

/** `sync --from-archive`: the configuration needs a destination, and neither source nor streams. */
async function syncArchive(context: CommandContext, options: SyncOptions, folder: string): Promise<number> {
  const { reload, metricsFile, json = false } = options;
  refuseSelection(options, '--from-archive takes everything that is missing, or what --reload names');
  const archive = resolve(context.io.cwd, folder);
  const tenantId = await onlyTenantOf(archive);
  const loaded = await context.loadConfig(undefined, {
    ...(tenantId === null ? {} : { source: { tenant_id: tenantId, auth: { method: 'azure_cli' } } }),
    streams: { billed_usage: {}, billed_reconciliation: {} },
  });
  const selection = { ...EVERYTHING, reload };
  const summary = await runMainJob(context, { loaded, selection, metricsFile, archive });
  return await tellSummary(context, summary, json);
}

function refuseSelection({ stream = [], invoice = [], allowEmpty = [] }: SyncOptions, taken: string): void {
  if (stream.length + invoice.length + allowEmpty.length === 0) return;
  throw new ConfigError({
    message: `${taken}, so nothing can be selected beside it`,
    hint: 'leave out --stream, --invoice and --allow-empty',
  });
}
