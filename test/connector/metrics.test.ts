import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metrics as openTelemetry, type Attributes, type MeterProvider } from '@opentelemetry/api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { declarationOf, METRIC_NAMES } from '../../connector/metric-list.js';
import { RunMetrics, runOutcome } from '../../connector/metrics.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import { clockAt, ended, EVENTS, IDENTITY, INVOICE, NOW, SCOPES, STATE, summary } from './metrics-night.js';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'metrics-'));
  file = join(folder, 'partner_billing.prom');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The values in the file, without the prefix and the labels that all have; zeros are left out. */
function written(): Record<string, number> {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const identity = Object.entries(IDENTITY)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
  return Object.fromEntries(
    lines
      .map(
        (line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))] as const,
      )
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => {
        expect(name).toContain(identity);
        return [
          name.replace('partner_billing_', '').replace(identity, '').replace('{,', '{').replace('{}', ''),
          value,
        ];
      }),
  );
}

const AFTER_ONE = {
  'runs_total{outcome="data"}': 1,
  'scopes_total{stream="billed_usage",outcome="published"}': 1,
  'scopes_total{stream="billed_usage",outcome="unchanged"}': 1,
  'scopes_total{stream="unbilled_usage",outcome="refused"}': 1,
  'records_total{stream="billed_usage"}': 1000,
  'rejected_records_total{stream="billed_usage"}': 10,
  'rejected_records_total{stream="unbilled_usage"}': 7,
  'downloaded_bytes_total{stream="billed_usage"}': 1024,
  'retries_total{what="poll",why="server"}': 2,
  'retries_total{what="blob",why="other"}': 1,
  'poll_wait_seconds_total{stream="billed_usage"}': 22.5,
  'poll_wait_seconds_total{stream="unbilled_usage"}': 1,
  'data_age_seconds{stream="billed_usage"}': 19 * 86_400 + 3 * 3600,
  'data_age_seconds{stream="unbilled_usage"}': 7200,
  'data_age_seconds{stream="billed_reconciliation"}': 86_400,
  'data_timestamp_seconds{stream="billed_usage"}': Date.parse('2026-11-08T00:00:00Z') / 1000,
  'data_timestamp_seconds{stream="unbilled_usage"}': Date.parse('2026-11-27T01:00:00Z') / 1000,
  'data_timestamp_seconds{stream="billed_reconciliation"}': Date.parse('2026-11-26T03:00:00Z') / 1000,
  last_run_duration_seconds: 90,
  last_run_exit_code: 4,
  last_run_timestamp_seconds: NOW.getTime() / 1000,
};

describe('the metrics file', () => {
  it('holds what a run did, and every outcome of runs from the start', async () => {
    await ended(4).writeFile(file);
    expect(written()).toEqual(AFTER_ONE);
    const text = readFileSync(file, 'utf8');
    for (const outcome of [
      'done',
      'config',
      'transient',
      'locked',
      'integrity',
      'mismatch',
      'system',
      'interrupted',
    ]) {
      expect(text).toMatch(new RegExp(`^partner_billing_runs_total\\{.*outcome="${outcome}"\\} 0$`, 'm'));
    }
  });

  it('names exactly the metrics that are declared, with their help and kind, and ends with a newline', async () => {
    await ended(0).writeFile(file);
    const text = readFileSync(file, 'utf8');
    expect([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind])).toEqual(
      METRIC_NAMES.map(declarationOf).map(({ prometheus, kind }) => [prometheus, kind]),
    );
    for (const name of METRIC_NAMES) {
      const { prometheus, help } = declarationOf(name);
      expect(text).toContain(`# HELP ${prometheus} ${help}\n`);
      expect(text).toContain(`\n${prometheus}{`);
    }
    expect(text.endsWith('\n')).toBe(true);
  });

  it('goes on from the former run: counters grow by what was done, once, and gauges are of the last run', async () => {
    await ended(0).writeFile(file);
    const second = ended(3, EVENTS.slice(0, 5), null, null);
    await second.writeFile(file);
    await second.writeFile(file);
    const gone = (name: string) => name.startsWith('data_age') || name === 'runs_total{outcome="data"}';
    expect(written()).toEqual({
      ...Object.fromEntries(Object.entries(AFTER_ONE).filter(([name]) => !gone(name))),
      'runs_total{outcome="done"}': 1,
      'runs_total{outcome="transient"}': 1,
      'retries_total{what="poll",why="server"}': 4,
      last_run_exit_code: 3,
      last_success_timestamp_seconds: NOW.getTime() / 1000,
    });
  });

  it('counts a run that ends twice once', async () => {
    const run = ended(0);
    run.end({ exitCode: 70, summary: summary(SCOPES), state: null });
    await run.writeFile(file);
    expect(written()).toMatchObject({
      'runs_total{outcome="done"}': 1,
      'records_total{stream="billed_usage"}': 1000,
    });
    expect(written()['runs_total{outcome="system"}']).toBeUndefined();
  });

  it('takes nothing over from what is not its own or is no number', async () => {
    const all = Object.entries(IDENTITY)
      .map(([name, value]) => `${name}="${value}"`)
      .join(',');
    const line = (labels: string, value: string) => `partner_billing_records_total{${labels}} ${value}`;
    const stream = 'stream="billed_usage"';
    writeFileSync(
      file,
      [
        'torn',
        line(`${all.replace('csp', 'other')},${stream}`, '1'),
        line(`${all},${stream}`, '-5'),
        line(`${all},${stream}`, 'NaN'),
        line(`${all},${stream}`, '1e999'),
        line(all, '1'),
        line(`${all},${stream},more="x"`, '1'),
        line(`${all},other="billed_usage"`, '1'),
        `partner_billing_gone_total{${all}} 1`,
        line(`${all},${stream}`, '5'),
      ].join('\n'),
    );
    await ended(4).writeFile(file);
    expect(written()).toEqual({ ...AFTER_ONE, 'records_total{stream="billed_usage"}': 1005 });
  });

  it('never shrinks a counter and never counts twice, however the runs go', async () => {
    const runs = fc.array(
      fc.record({
        exitCode: fc.constantFrom(0, 2, 3, 4, 5, 6, 7, 70, 130, 143),
        bytes: fc.nat(),
        waits: fc.nat(100_000),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(runs, async (given) => {
        rmSync(file, { force: true });
        let total = 0;
        for (const { exitCode, bytes, waits } of given) {
          total += bytes;
          const events: ProgressEvent[] = [
            { event: 'blob.whole', scope: INVOICE, blob: 'a', bytes },
            { event: 'export.polled', scope: INVOICE, status: 'running', waitMs: waits },
          ];
          await ended(exitCode, events, null, null).writeFile(file);
        }
        const after = written();
        expect(after['downloaded_bytes_total{stream="billed_usage"}'] ?? 0).toBe(total);
        expect(after['poll_wait_seconds_total{stream="billed_usage"}'] ?? 0).toBeCloseTo(
          given.reduce((sum, { waits }) => sum + waits / 1000, 0),
          3,
        );
        const counted = Object.entries(after).filter(([name]) => name.startsWith('runs_total'));
        expect(counted.reduce((sum, [, value]) => sum + value, 0)).toBe(given.length);
      }),
      { numRuns: 30 },
    );
  });

  it('is readable by others whatever the umask is, takes the place of the old one at once and leaves nothing behind', async () => {
    const before = process.umask(0o077);
    try {
      await ended(0).writeFile(file);
    } finally {
      process.umask(before);
    }
    expect(statSync(file).mode & 0o777).toBe(0o644);
    const { ino } = statSync(file);
    await ended(0).writeFile(file);
    expect(statSync(file).ino).not.toBe(ino);
    expect(readdirSync(folder)).toEqual(['partner_billing.prom']);
  });

  it('begins at 0 when the old one cannot be read, and is an error when it cannot be written', async () => {
    mkdirSync(file);
    await expect(ended(0).writeFile(file)).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['partner_billing.prom']);
    await expect(ended(0).writeFile(join(folder, 'missing', 'x.prom'))).rejects.toThrow('ENOENT');
    expect(existsSync(join(folder, 'missing'))).toBe(false);
    chmodSync(folder, 0o700);
  });

  it('has labels that take few values: no scope, no text of an error', async () => {
    await ended(4).writeFile(file);
    const text = readFileSync(file, 'utf8');
    for (const never of ['G016907411', 'G2', '2026-1', 'USD', 'Graph answered'])
      expect(text).not.toContain(never);
  });
});

describe('runOutcome', () => {
  it('has a word for every exit code', () => {
    expect([0, 2, 3, 4, 5, 6, 7, 70, 130, 143, 99].map(runOutcome)).toEqual([
      'done',
      'config',
      'transient',
      'data',
      'locked',
      'integrity',
      'mismatch',
      'system',
      'interrupted',
      'interrupted',
      'system',
    ]);
  });
});

describe('the OpenTelemetry meter', () => {
  afterEach(() => openTelemetry.disable());

  it('gets the same values, as they happen, when the user has registered a provider', () => {
    const seen: [string, number, Attributes | undefined][] = [];
    const meters: string[] = [];
    const instruments: string[] = [];
    const open = (kind: string) => (name: string, options?: { unit?: string; description?: string }) => {
      instruments.push(`${name} ${kind} ${options?.unit ?? ''} ${options?.description ?? ''}`);
      const take = (value: number, attributes?: Attributes) => void seen.push([name, value, attributes]);
      return { add: take, record: take };
    };
    const provider = {
      getMeter: (name: string, version?: string) => {
        meters.push(`${name} ${version ?? ''}`);
        return { createCounter: open('counter'), createGauge: open('gauge') };
      },
    } as unknown as MeterProvider;
    expect(openTelemetry.setGlobalMeterProvider(provider)).toBe(true);
    const clock = clockAt();
    const run = new RunMetrics({ clock, connectorVersion: '1.2.3', identity: IDENTITY });
    for (const event of EVENTS.slice(0, 7)) run.report(event);
    expect(seen).toEqual([
      ['partner_billing.retries', 1, { ...IDENTITY, what: 'poll', why: 'server' }],
      ['partner_billing.retries', 1, { ...IDENTITY, what: 'poll', why: 'server' }],
      ['partner_billing.retries', 1, { ...IDENTITY, what: 'blob', why: 'other' }],
      ['partner_billing.poll_wait', 10, { ...IDENTITY, stream: 'billed_usage' }],
    ]);
    clock.ms = 5000;
    run.end({ exitCode: 0, summary: summary(SCOPES), state: STATE });
    expect(seen).toContainEqual(['partner_billing.runs', 1, { ...IDENTITY, outcome: 'done' }]);
    expect(seen).toContainEqual(['partner_billing.records', 1000, { ...IDENTITY, stream: 'billed_usage' }]);
    expect(seen).toContainEqual([
      'partner_billing.data_age',
      7200,
      { ...IDENTITY, stream: 'unbilled_usage' },
    ]);
    expect(seen).toContainEqual(['partner_billing.last_run_duration', 5, IDENTITY]);
    expect(meters).toEqual(['partner-billing-connector 1.2.3']);
    expect(instruments).toEqual(
      METRIC_NAMES.map(declarationOf).map(
        ({ openTelemetry: name, kind, unit, help }) => `${name} ${kind} ${unit} ${help}`,
      ),
    );
  });
});
