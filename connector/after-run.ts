import { resolve } from 'node:path';
import { asConnectorError, type ConnectorError } from '../schemas/errors.js';
import type { ProgressEvent, Report } from '../schemas/progress.js';
import type { CommandContext } from './command-context.js';
import type { LoadedConfig } from './config.js';
import { Interruption } from './interruption.js';
import { RunMetrics } from './metrics.js';
import { notifyBody, notifyReasons, type FormerRun } from './notify-body.js';
import { notifyWebhook } from './notify.js';
import type { EndedRun } from './run-context.js';
import type { RunSummary } from './run-summary.js';

/** What telling of a run needs. */
export interface ToldRun {
  readonly context: Pick<CommandContext, 'io' | 'version'>;
  readonly loaded: LoadedConfig;
  /** Shows the run's progress, and what could not be told. */
  readonly report: Report;
  /** `--metrics-file`, relative to the working directory; undefined: none is written. */
  readonly metricsFile: string | undefined;
}

/**
 * Does a run and tells the outside of it, however it ends: metrics and the webhook. `run` is given where to report to.
 * What could not be told is reported and added to the summary's warnings; it changes no exit code.
 * @throws whatever `run` throws
 */
export async function tellOfRun(
  { context, loaded, report, metricsFile }: ToldRun,
  run: (report: Report) => Promise<EndedRun>,
): Promise<RunSummary> {
  const after = new AfterRun(context, loaded, metricsFile);
  const warn = (message: string): void => report({ event: 'warning', message, hint: '' });
  let ended: EndedRun;
  try {
    ended = await run((event) => {
      after.report(event);
      report(event);
    });
  } catch (error) {
    for (const message of await after.failed(error)) warn(message);
    throw error;
  }
  const warnings = await after.ended(ended);
  for (const message of warnings) warn(message);
  return { ...ended.summary, warnings: [...ended.summary.warnings, ...warnings] };
}

/**
 * What the outside is told of a run: metrics, and the webhook. It takes the run's progress events, and its end once.
 * Nothing here fails a run: what goes wrong comes back as warnings.
 */
export class AfterRun {
  readonly #metrics: RunMetrics;
  readonly #startedAt: Date;
  #runId = '';

  constructor(
    private readonly context: Pick<CommandContext, 'io' | 'version'>,
    private readonly loaded: LoadedConfig,
    /** `--metrics-file`, relative to the working directory; undefined: none is written. */
    private readonly metricsFile: string | undefined,
  ) {
    const { clock } = context.io;
    const { source, destination } = loaded.config;
    this.#startedAt = clock.now();
    this.#metrics = new RunMetrics({
      clock,
      connectorVersion: context.version,
      identity: {
        tenant: source.tenant_id,
        dataset: destination.dataset,
        destination: destination.type,
      },
    });
  }

  /** Takes an event of the run. */
  report(event: ProgressEvent): void {
    if (event.event === 'run.started') this.#runId = event.runId;
    this.#metrics.report(event);
  }

  /** Tells of a run that came to its end. Resolves to warnings. */
  async ended({ summary, former, state }: EndedRun): Promise<string[]> {
    const { exitCode } = summary;
    this.#metrics.end({ exitCode: this.interruption?.exitCode ?? exitCode, summary, state });
    return [...(await this.writeMetrics()), ...(await this.notify(summary, former))];
  }

  /**
   * Tells of a run that failed before it could plan. Whatever was before is not known, so it counts as a change,
   * except for a lock: whoever holds it tells of itself. Resolves to warnings.
   */
  async failed(thrown: unknown): Promise<string[]> {
    const error = asConnectorError(thrown);
    const exitCode = this.interruption?.exitCode ?? error.exitCode;
    this.#metrics.end({ exitCode, summary: null, state: null });
    const warnings = await this.writeMetrics();
    if (error.kind === 'locked') return warnings;
    return [...warnings, ...(await this.notify(this.failure(error), undefined))];
  }

  private async writeMetrics(): Promise<string[]> {
    if (this.metricsFile === undefined) return [];
    const path = resolve(this.context.io.cwd, this.metricsFile);
    try {
      await this.#metrics.writeFile(path);
      return [];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return [`--metrics-file ${path} could not be written: ${why}`];
    }
  }

  private async notify(summary: RunSummary, former: FormerRun | null | undefined): Promise<string[]> {
    const { config, resolve: path } = this.loaded;
    const { notify, source, destination } = config;
    const { clock, signal, secrets } = this.context.io;
    if (notify === undefined || signal.aborted || notifyReasons(summary, former).length === 0) return [];
    const body = notifyBody(summary, former, {
      tenantId: source.tenant_id,
      dataset: destination.dataset,
      destination: destination.type,
    });
    const caFile = source.ca_file === undefined ? undefined : path(source.ca_file);
    const connection = { proxy: source.proxy, caFile };
    // What leaves the process has no secret in it, the webhook's own address included.
    const scrubbed = secrets.scrubJson(body) as typeof body;
    const warning = await notifyWebhook({ notify, connection, clock, signal }, scrubbed);
    return warning === null ? [] : [warning];
  }

  /** A summary for a run that has none. */
  private failure(error: ConnectorError): RunSummary {
    return {
      runId: this.#runId,
      connectorVersion: this.context.version,
      startedAt: this.#startedAt.toISOString(),
      finishedAt: this.context.io.clock.now().toISOString(),
      outcome: `failed: ${error.message}; ${error.hint}`,
      exitCode: error.exitCode,
      invoiceList: null,
      readCopy: null,
      retention: null,
      scopes: [],
      left: 0,
      warnings: [],
    };
  }

  private get interruption(): Interruption | null {
    const { signal } = this.context.io;
    return signal.aborted && signal.reason instanceof Interruption ? signal.reason : null;
  }
}
