import { describe, expect, it } from 'vitest';
import { monthOf, monthOfPeriod, parseScope, scopeLabel, scopeText } from '../../schemas/scope.js';

describe('a scope', () => {
  it('is written and read back', () => {
    const month = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' } as const;
    expect(scopeText(month)).toBe('2026-11-USD');
    expect(scopeLabel(month)).toBe('unbilled_usage 2026-11-USD');
    expect(parseScope('unbilled_usage', 'month', '2026-11-USD')).toEqual(month);
    expect(parseScope('billed_usage', 'invoice', 'G0-1')).toEqual({
      by: 'invoice',
      stream: 'billed_usage',
      invoice: 'G0-1',
    });
    expect(() => parseScope('unbilled_usage', 'month', 'current')).toThrow(/no scope/);
  });

  it.each([
    ['2026-01-31T23:59:59.999Z', '2026-01', '2025-12'],
    ['2026-03-31T00:00:00Z', '2026-03', '2026-02'],
    ['2024-02-29T12:00:00Z', '2024-02', '2024-01'],
    ['2026-12-01T00:00:00Z', '2026-12', '2026-11'],
  ])('at %s has current month %s and last month %s', (instant, current, last) => {
    expect(monthOfPeriod('current', new Date(instant))).toBe(current);
    expect(monthOfPeriod('last', new Date(instant))).toBe(last);
    expect(monthOf(new Date(instant), -12)).toBe(`${Number.parseInt(current, 10) - 1}${current.slice(4)}`);
  });
});
