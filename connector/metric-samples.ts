import { declarationOf, METRIC_NAMES, type MetricName } from './metric-list.js';

/** The labels of one value, by name. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric. Finite; of a counter never negative. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Values of metrics, one for each set of labels: a run's own, or what a file holds. */
export class MetricSamples {
  readonly #byName = new Map<MetricName, Map<string, Sample>>();

  /** Adds to a counter, which begins at 0, or sets a gauge. */
  record(name: MetricName, value: number, labels: Labels): void {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const samples = this.#byName.get(name) ?? new Map<string, Sample>();
    const before = declarationOf(name).kind === 'counter' ? (samples.get(key)?.value ?? 0) : 0;
    samples.set(key, { labels, value: before + value });
    this.#byName.set(name, samples);
  }

  /** The values of one metric, in the order in which they were first recorded. */
  of(name: MetricName): readonly Sample[] {
    return [...(this.#byName.get(name)?.values() ?? [])];
  }
}

/**
 * What a file is to hold after a run: counters go on from the former values, gauges are the run's own, and those that
 * are kept and that the run said nothing of stay as they were.
 */
export function goneOn(former: MetricSamples, run: MetricSamples): MetricSamples {
  const after = new MetricSamples();
  for (const name of METRIC_NAMES) {
    const { kind, kept } = declarationOf(name);
    const own = run.of(name);
    const carried = kind === 'counter' || (kept === true && own.length === 0) ? former.of(name) : [];
    for (const { labels, value } of [...carried, ...own]) after.record(name, value, labels);
  }
  return after;
}
