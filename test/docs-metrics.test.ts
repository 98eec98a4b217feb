import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { declarationOf, IDENTITY_LABELS, METRIC_NAMES } from '../connector/metric-list.js';
import { RUN_OUTCOMES } from '../connector/metrics.js';
import { documentedRows } from './documented-rows.js';

const page = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');

describe('docs/metrics.md', () => {
  it('lists exactly the metrics that exist, with kind, unit, labels and meaning', () => {
    const declared = METRIC_NAMES.map(declarationOf).map(
      ({ prometheus, openTelemetry, kind, unit, labels, help }) => [
        prometheus,
        openTelemetry,
        kind,
        unit,
        labels.join(', '),
        help,
      ],
    );
    expect(declared.length).toBeGreaterThan(10);
    expect(documentedRows(page, '# Metrics')).toEqual(declared);
  });

  it('names the labels that all have, and the outcomes of runs', () => {
    for (const label of IDENTITY_LABELS) expect(page.split('| Prometheus |')[0]).toContain(`\`${label}\``);
    const [, outcomes = ''] = /`outcome` of a run: ([^.]*)\./.exec(page) ?? [];
    expect([...outcomes.matchAll(/`([a-z]+)`/g)].map(([, name]) => name)).toEqual([...RUN_OUTCOMES]);
  });

  it('names only metrics that exist in its examples', () => {
    const names = METRIC_NAMES.map((name) => declarationOf(name).prometheus);
    const [, examples = ''] = page.split('```yaml');
    const named = [...examples.matchAll(/partner_billing_[a-z_]+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((name) => !names.includes(name) && name !== 'partner_billing_')).toEqual([]);
  });
});
