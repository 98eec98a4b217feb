import { readFile } from 'node:fs/promises';
import { replaceFile } from './durable-file.js';
import { declarationOf, IDENTITY_LABELS, METRIC_NAMES } from './metric-list.js';
import { MetricSamples, type Labels } from './metric-samples.js';

/** Anyone may read it: the node exporter runs as another user, and nothing in it is secret. */
const READABLE = 0o644;

/** Values as the text that Prometheus reads, with the labels of `identity` on each. */
export async function metricsText(samples: MetricSamples, identity: Labels): Promise<string> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  for (const name of METRIC_NAMES) {
    const { prometheus, help, kind, labels } = declarationOf(name);
    const options = {
      name: prometheus,
      help,
      labelNames: [...IDENTITY_LABELS, ...labels],
      registers: [registry],
    };
    if (kind === 'counter') {
      const counter = new Counter(options);
      for (const sample of samples.of(name)) counter.inc({ ...identity, ...sample.labels }, sample.value);
    } else {
      const gauge = new Gauge(options);
      // A metric without labels of its own is 0 from the start, which no run has said.
      gauge.reset();
      for (const sample of samples.of(name)) gauge.set({ ...identity, ...sample.labels }, sample.value);
    }
  }
  return await registry.metrics();
}

/**
 * Writes the file so that its reader sees the whole old or the whole new one, and may read it whatever the umask is.
 * @throws ConnectorError or the system's error when it cannot be written.
 */
export async function writeMetricsFile(path: string, text: string): Promise<void> {
  await replaceFile(path, text, READABLE);
}

/**
 * The values that a file of an earlier run holds for the same identity. What is absent, unreadable, of another
 * identity, of a metric or label that does not exist any more, negative or no number, counts as never recorded.
 */
export async function readMetricsFile(path: string, identity: Labels): Promise<MetricSamples> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const samples = new MetricSamples();
  const names = new Map(METRIC_NAMES.map((name) => [declarationOf(name).prometheus, name]));
  for (const line of text.split('\n')) {
    const [, prometheus = '', labelText = '', valueText = ''] =
      /^([a-z_]+)\{(.*)\} (\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line) ?? [];
    const name = names.get(prometheus);
    if (name === undefined) continue;
    const labels = readLabels(labelText);
    const value = Number(valueText);
    if (!Number.isFinite(value) || !isOf(identity, labels)) continue;
    const own = Object.entries(labels).filter(([label]) => !(label in identity));
    const declared: readonly string[] = declarationOf(name).labels;
    if (own.length !== declared.length || !own.every(([label]) => declared.includes(label))) continue;
    samples.record(name, value, Object.fromEntries(own));
  }
  return samples;
}

function readLabels(text: string): Labels {
  const pairs = [...text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(
    pairs.map(([, label = '', value = '']) => [
      label,
      value.replace(/\\(.)/g, (_match, character: string) => (character === 'n' ? '\n' : character)),
    ]),
  );
}

function isOf(identity: Labels, labels: Labels): boolean {
  return Object.entries(identity).every(([label, value]) => labels[label] === value);
}
