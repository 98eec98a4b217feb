import { describe, expect, it } from 'vitest';
import {
  errorSummary,
  exitCodeOf,
  outcomeText,
  type ScopeOutcome,
  type ScopeSummary,
} from '../../connector/run-summary.js';
import { IntegrityError } from '../../schemas/errors.js';

function scope(outcome: ScopeOutcome, exitCode = 0): ScopeSummary {
  return { stream: 'billed_usage', scope: 'G1', outcome, exitCode, reason: '', warnings: [] };
}

describe('a run summary', () => {
  it('says that nothing changed only when every scope is unchanged', () => {
    expect(outcomeText([scope('unchanged'), scope('unchanged')])).toBe('nothing changed');
    expect(outcomeText([scope('unchanged'), scope('published'), scope('failed', 3)])).toBe(
      '1 failed, 1 published, 1 unchanged',
    );
    expect(outcomeText([])).toBe('nothing to do');
  });

  it('takes the gravest exit code, in the order 70, 6, 4, 2, 5, 3, 7, 0', () => {
    const order = [70, 6, 4, 2, 5, 3, 7, 0];
    for (const [place, grave] of order.entries()) {
      const rest = order.slice(place).map((code) => scope('failed', code));
      expect(exitCodeOf(rest.reverse())).toBe(grave);
    }
    expect(exitCodeOf([])).toBe(0);
  });

  it('shows an error without its SAS and with printable facts', () => {
    const error = new IntegrityError({
      message: 'blob https://h/x?sv=1&sig=abc%2Bdef refused',
      hint: 'h',
      facts: { bytes: 12n, url: 'https://h/x?sig=secret', none: undefined },
    });
    const summary = errorSummary(error);
    expect(JSON.stringify(summary)).not.toMatch(/abc|secret/);
    expect(summary.facts).toEqual({ bytes: '12', url: 'https://h/x?sig=[redacted]' });
    expect(errorSummary(new TypeError('x')).kind).toBe('system');
  });
});
