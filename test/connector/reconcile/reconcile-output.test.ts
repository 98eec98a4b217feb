import { describe, expect, it } from 'vitest';
import type { DatasetReading } from '../../../connector/load/destination.js';
import { CHECKS } from '../../../connector/reconcile/checks.js';
import type { CheckResult } from '../../../connector/reconcile/examine.js';
import { reconcileRows } from '../../../connector/reconcile/reconcile-output.js';
import { csvText } from '../../../connector/query-output-csv.js';

const HOSTILE = '=HYPERLINK("http://x")';
const COLUMNS = [
  ...['invoice_number', 'currency', 'customer_name', 'sku_name', 'status', 'left_amount', 'right_amount'],
  ...['difference', 'tolerance', 'reason'],
];

/** A dataset whose every statement gives one row. */
function reading(row: readonly (string | null)[]): DatasetReading {
  return {
    dataset: 'csp',
    reading: {
      dialect: 'duckdb',
      rows: () => Promise.resolve([]),
      stream: async function* () {
        yield await Promise.resolve(row);
      },
    },
  };
}

function resultOf(fields: Partial<CheckResult>): CheckResult {
  const check = CHECKS.find(({ name }) => name === 'line_recalc');
  if (check === undefined) throw new RangeError('line_recalc');
  const counts = [
    {
      subject: 'G1',
      currency: 'USD',
      status: 'mismatch',
      reason: null,
      rows: 1,
      remarked: 0,
      largest: '12345678901234567.01',
    },
  ] as const;
  const decimals = new Set(['left_amount', 'right_amount', 'difference', 'tolerance']);
  return {
    check,
    view: check.view,
    columns: COLUMNS,
    decimals,
    filter: {},
    notExamined: null,
    counts,
    ...fields,
  };
}

async function csvOf(from: DatasetReading, results: readonly CheckResult[]): Promise<readonly string[]> {
  let text = '';
  for await (const piece of csvText(reconcileRows(from, results))) text += piece;
  return text.trimEnd().split('\r\n').slice(1);
}

describe('the rows of checks as CSV', () => {
  it('guard text that a spreadsheet would run, leave amounts exact, and name the own columns and what to do', async () => {
    const row = [
      'G1',
      'USD',
      HOSTILE,
      '+1',
      'mismatch',
      '-2.50',
      '12345678901234567.01',
      '12345678901234569.51',
    ];
    const [line = '', ...more] = await csvOf(reading([...row, '0', '@reason']), [resultOf({})]);
    expect(more).toEqual([]);
    expect(line).toMatch(
      /^line_recalc,G1,USD,,"'=HYPERLINK\(""http:\/\/x""\)",mismatch,-2\.5,12345678901234567\.01,12345678901234569\.51,0,,,'@reason,,sku_name=\+1,/,
    );
    expect(line).toContain('`explain --invoice ID --line KEY` writes the numbers out');
  });

  it('have one row for a check that was not looked at', async () => {
    const notExamined = 'not examined for this filter: it does not look at single customers';
    const lines = await csvOf(reading([]), [resultOf({ notExamined, counts: [] })]);
    expect(lines).toEqual([`line_recalc,,,,,not_examined,,,,,,,${notExamined},,,`]);
  });
});
