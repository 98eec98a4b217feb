import { tellOfRun } from '../after-run.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import type { RunSummary } from '../run-summary.js';
import type { Selection } from '../selection.js';
import { syncFromArchive } from '../sync-archive.js';
import { runSync } from '../sync.js';

/** What is to be run, and who is told besides the terminal. */
export interface MainJob {
  readonly loaded: LoadedConfig;
  readonly selection: Selection;
  /** `--metrics-file`; undefined: none is written. */
  readonly metricsFile?: string | undefined;
  /** Folder of an archive, absolute: fill the destination from it, in place of asking Graph. */
  readonly archive?: string | undefined;
}

/** Runs the main job with progress on standard error, then tells metrics and the webhook of it. @throws as the job does */
export async function runMainJob(context: CommandContext, job: MainJob): Promise<RunSummary> {
  const { loaded, selection, metricsFile, archive } = job;
  const { clock, signal } = context.io;
  const view = await context.progress();
  const told = { context, loaded, metricsFile, report: view.report.bind(view) };
  try {
    return await tellOfRun(told, (report) => {
      const options = { loaded, selection, report, clock, signal, connectorVersion: context.version };
      return archive === undefined ? runSync(options) : syncFromArchive({ ...options, archive });
    });
  } finally {
    view.stop();
  }
}
