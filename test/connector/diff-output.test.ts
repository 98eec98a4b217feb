import { describe, expect, it } from 'vitest';
import { chooseDiff } from '../../connector/diff-choice.js';
import { DiffSum } from '../../connector/diff-money.js';
import { diffJson, diffRows, diffTable, diffTotalsText, type Diff } from '../../connector/diff-output.js';
import {
  comparedColumns,
  type ComparedSnapshot,
  type RestatedLine,
} from '../../connector/load/restated-lines.js';
import { csvText } from '../../connector/query-output-csv.js';
import { tableText } from '../../connector/query-output-table.js';

const snapshot = (loadId: string, changes: Partial<ComparedSnapshot> = {}): ComparedSnapshot => ({
  loadId,
  eTag: `e-${loadId}`,
  attributeSet: 'full',
  publishedAt: '2026-11-09T12:00:00',
  hasReloadedRows: false,
  isPurged: false,
  ...changes,
});

const values = (texts: Readonly<Record<string, string>>) =>
  new Map(comparedColumns('billed_usage').map((name) => [name, texts[name] ?? null]));

function diffOf(lines: readonly RestatedLine[]): Diff {
  const choice = chooseDiff('x', [snapshot('l1'), snapshot('l2')], {});
  if (choice === null) throw new Error('two snapshots can be compared');
  return {
    ...{ stream: 'billed_usage', scope: 'G1', choice, sum: new DiffSum('billed_usage') },
    lines: async function* () {
      for (const line of lines) yield await Promise.resolve(line);
    },
  };
}

const HOSTILE = '=HYPERLINK("http://x")';
const known = {
  invoice_number: 'G1',
  billing_currency: 'usd',
  customer_name: HOSTILE,
  product_id: 'a\u001b[2J',
};
const line = (change: RestatedLine['change'], before: string | null, after: string | null): RestatedLine => ({
  change,
  lineItemKey: '00000000-0000-0000-0000-000000000001',
  lineItemOccurrence: '1',
  before: before === null ? null : values({ ...known, billing_pre_tax_total: before, tags: 'old' }),
  after: after === null ? null : values({ ...known, billing_pre_tax_total: after, tags: 'new' }),
});
const LINES = [
  line('changed', '0.1', '0.3'),
  line('added', null, '-5'),
  line('removed', '12345678901234567890.01', null),
];

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

describe('what a diff prints', () => {
  it('guards texts that a spreadsheet would run in CSV, and says each amount once', async () => {
    const csv = await textOf(csvText(diffRows([diffOf(LINES)])));
    const [, ...rows] = csv.trimEnd().split('\r\n');
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(rows.map((row) => row.split(',').slice(-4))).toEqual([
      ['billing_pre_tax_total', '0.1', '0.3', '0.2'],
      ['tags', 'old', 'new', ''],
      ['billing_pre_tax_total', '', '-5', '-5'],
      ['billing_pre_tax_total', '12345678901234567890.01', '', '-12345678901234567890.01'],
    ]);
  });

  it('escapes control characters in the table, and adds up what passed, exactly and by currency', async () => {
    const diff = diffOf(LINES);
    const table = await textOf(tableText(diffTable(diff)));
    expect(table).not.toContain('\u001b');
    expect(table).toContain('a\\u{1b}[2J');
    expect(diff.sum.totals).toEqual({
      lines: { added: 1, removed: 1, changed: 1 },
      money: {
        USD: {
          ...{ added: '-5', removed: '-12345678901234567890.01', changed: '0.2' },
          moved: '-12345678901234567894.81',
        },
      },
    });
    expect(diffTotalsText(diff.sum.totals)).toMatch(/^1 line changed, 1 line added, 1 line removed$/m);
    expect(diffTotalsText(diffOf([]).sum.totals)).toBe('Microsoft restated nothing');
  });

  it('is one JSON document with every line whole, amounts as texts', async () => {
    const parsed: unknown = JSON.parse(await textOf(diffJson([diffOf(LINES), diffOf([])])));
    expect(parsed).toMatchObject([
      {
        scope: 'G1',
        from: { loadId: 'l1', publishedAt: '2026-11-09T12:00:00Z' },
        changes: [
          {
            change: 'changed',
            moved: '0.2',
            columns: [{ column: 'billing_pre_tax_total' }, { column: 'tags' }],
          },
          { change: 'added', moved: '-5', after: { billing_pre_tax_total: '-5' } },
          { change: 'removed', before: { billing_pre_tax_total: '12345678901234567890.01' } },
        ],
        lines: { added: 1, removed: 1, changed: 1 },
      },
      { changes: [], money: {} },
    ]);
  });
});

describe('which snapshots are compared', () => {
  it('the last two, or the newest of the eTags named; a reload between them interrupts the comparison', () => {
    const all = [
      ...[snapshot('l1'), snapshot('l2'), snapshot('l3', { hasReloadedRows: true })],
      ...[snapshot('l4'), snapshot('l5'), snapshot('l6', { eTag: 'e-l5' })],
      snapshot('l7', { attributeSet: 'basic' }),
    ];
    const chosen = (asked: { from?: string; to?: string }) => {
      const choice = chooseDiff('x', all, asked);
      return [
        choice?.from.loadId,
        choice?.to.loadId,
        choice?.restated,
        choice?.reloads.map(({ loadId }) => loadId),
      ];
    };
    expect(chosen({ to: 'l2' })).toEqual(['l1', 'l2', [['l2']], []]);
    expect(chosen({})).toEqual(['l6', 'l7', [], ['l7']]);
    expect(chosen({ from: 'e-l1', to: 'e-l5' })).toEqual(['l1', 'l6', [['l2'], ['l4', 'l5']], ['l3', 'l6']]);
    expect(chooseDiff('x', [snapshot('l1')], {})).toBeNull();
  });
});
