import { metrics as openTelemetry, type Attributes } from '@opentelemetry/api';
import { EXIT_CODES } from '../schemas/errors.js';
import type { ProgressEvent } from '../schemas/progress.js';
import type { Clock } from './clock.js';
import { dataTimes } from './data-time.js';
import type { RecordedState } from './load/recorded-state.js';
import {
  declarationOf,
  METRIC_NAMES,
  type IDENTITY_LABELS,
  type MetricDeclaration,
  type MetricName,
} from './metric-list.js';
import { goneOn, MetricSamples, type Labels } from './metric-samples.js';
import { metricsText, readMetricsFile, writeMetricsFile } from './metrics-file.js';
import type { RunSummary, ScopeSummary } from './run-summary.js';

/** What metrics are made from. */
export interface MetricsOptions {
  readonly clock: Clock;
  readonly connectorVersion: string;
  /** Labels of every metric: the partner tenant, the dataset, and `duckdb` or `postgres`. */
  readonly identity: Readonly<Record<(typeof IDENTITY_LABELS)[number], string>>;
}

/** How a run ended, as far as metrics tell it. */
export interface RunEnd {
  readonly exitCode: number;
  /** Null where the run failed before it could plan. */
  readonly summary: RunSummary | null;
  /** What is recorded after the run; null where it could not be read. */
  readonly state: RecordedState | null;
}

/** The meter's name in OpenTelemetry. */
export const METER_NAME = 'partner-billing-connector';

/** The outcomes that runs are counted by: done, the kinds of error, and told to stop by a signal. */
export const RUN_OUTCOMES = ['done', ...Object.keys(EXIT_CODES), 'interrupted'] as const;

/** The outcome that an exit code counts as; a code that is not ours is a defect. */
export function runOutcome(exitCode: number): string {
  if (exitCode === 0) return 'done';
  if (exitCode === 130 || exitCode === 143) return 'interrupted';
  return Object.entries(EXIT_CODES).find(([, code]) => code === exitCode)?.[0] ?? 'system';
}

type Instrument = (value: number, attributes: Attributes) => void;

/**
 * The metrics of one run: it takes the run's progress events as they come, and its end once. They go to the
 * OpenTelemetry API, where nothing happens unless the user has registered a provider, and on demand into a text file
 * for Prometheus.
 */
export class RunMetrics {
  readonly #samples = new MetricSamples();
  readonly #instruments: ReadonlyMap<MetricName, Instrument>;
  readonly #begunMs: number;
  #former: MetricSamples | null = null;
  #ended = false;

  constructor(private readonly options: MetricsOptions) {
    this.#begunMs = options.clock.monotonicMs();
    this.#instruments = openInstruments(options.connectorVersion);
  }

  /** Counts what an event says. */
  report(event: ProgressEvent): void {
    switch (event.event) {
      case 'export.polled':
        return this.record('pollWait', event.waitMs / 1000, { stream: event.scope.stream });
      case 'blob.whole':
        return this.record('bytes', event.bytes, { stream: event.scope.stream });
      case 'retried':
        return this.record('retries', 1, { what: event.what, why: event.why ?? 'other' });
      default:
    }
  }

  /** Counts how the run ended; a second call does nothing. */
  end({ exitCode, summary, state }: RunEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const { clock } = this.options;
    const now = clock.now();
    this.record('runs', 1, { outcome: runOutcome(exitCode) });
    for (const scope of summary?.scopes ?? []) this.countScope(scope);
    for (const [stream, made] of state === null ? [] : dataTimes(state, now)) {
      this.record('dataTime', made.getTime() / 1000, { stream });
      this.record('dataAge', Math.max(0, now.getTime() - made.getTime()) / 1000, { stream });
    }
    this.record('duration', (clock.monotonicMs() - this.#begunMs) / 1000, {});
    this.record('exitCode', exitCode, {});
    this.record('finished', now.getTime() / 1000, {});
    if (exitCode === 0) this.record('succeeded', now.getTime() / 1000, {});
  }

  /**
   * Writes the text file; its counters go on from what the file held before this run, also when it is written twice.
   * @throws the system's error when it cannot be written.
   */
  async writeFile(path: string): Promise<void> {
    const identity: Labels = this.options.identity;
    if (this.#former === null) {
      this.#former = await readMetricsFile(path, identity);
      // Every outcome is there from the start, so that the first failure is an increase.
      for (const outcome of RUN_OUTCOMES) this.#former.record('runs', 0, { outcome });
    }
    await writeMetricsFile(path, await metricsText(goneOn(this.#former, this.#samples), identity));
  }

  private countScope({ stream, outcome, counts, error }: ScopeSummary): void {
    this.record('scopes', 1, { stream, outcome });
    const { rejected } = counts ?? error?.facts ?? {};
    if (counts !== undefined) this.record('records', counts.staged, { stream });
    if (typeof rejected === 'number') this.record('rejected', rejected, { stream });
  }

  private record(name: MetricName, value: number, labels: Labels): void {
    this.#samples.record(name, value, labels);
    this.#instruments.get(name)?.(value, { ...this.options.identity, ...labels });
  }
}

function openInstruments(connectorVersion: string): ReadonlyMap<MetricName, Instrument> {
  const meter = openTelemetry.getMeter(METER_NAME, connectorVersion);
  const open = ({ kind, openTelemetry: name, unit, help: description }: MetricDeclaration): Instrument => {
    if (kind === 'gauge') {
      const gauge = meter.createGauge(name, { unit, description });
      return (value, attributes) => gauge.record(value, attributes);
    }
    const counter = meter.createCounter(name, { unit, description });
    return (value, attributes) => counter.add(value, attributes);
  };
  return new Map(METRIC_NAMES.map((name) => [name, open(declarationOf(name))]));
}
