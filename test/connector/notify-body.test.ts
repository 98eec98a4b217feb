import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { notifyBody, notifyReasons, type FormerRun } from '../../connector/notify-body.js';
import type { RunSummary, ScopeOutcome, ScopeSummary } from '../../connector/run-summary.js';
import { documentedRows } from '../documented-rows.js';
import { summary } from './metrics-night.js';

const ABOUT = { tenantId: 't', dataset: 'csp', destination: 'postgres' };

function scope(name: string, outcome: ScopeOutcome, exitCode = 0): ScopeSummary {
  return { stream: 'billed_usage', scope: name, outcome, exitCode, reason: '', warnings: [] };
}

function run(exitCode: number, ...scopes: readonly ScopeSummary[]): RunSummary {
  return { ...summary(scopes), exitCode, outcome: `outcome ${exitCode}` };
}

/** A run as `_runs` keeps it. */
function recorded({ outcome, exitCode, scopes }: RunSummary): FormerRun {
  const counts = scopes.map(({ stream, scope: name, outcome: became }) => ({
    stream,
    scope: name,
    outcome: became,
  }));
  return { outcome, exitCode, counts: JSON.stringify(counts) };
}

describe('notifyReasons', () => {
  const quiet = run(0, scope('G1', 'unchanged'));
  const failing = run(3, scope('G1', 'failed', 3), scope('G2', 'unchanged'));

  it.each<[string, RunSummary, FormerRun | null | undefined, string[]]>([
    ['nothing changed again', quiet, recorded(quiet), []],
    ['something was published', run(0, scope('G1', 'published')), recorded(quiet), ['published']],
    ['something was reloaded', run(0, scope('G1', 'reloaded')), recorded(quiet), ['published']],
    ['nothing changed after a publish', quiet, recorded(run(0, scope('G1', 'published'))), []],
    ['nothing to do after nothing changed', run(0), recorded(quiet), []],
    ['a failure', failing, recorded(quiet), ['outcome changed']],
    ['the same failure again', failing, recorded(failing), []],
    ['the failure is over', quiet, recorded(failing), ['outcome changed']],
    ['another scope fails', run(3, scope('G2', 'failed', 3)), recorded(failing), ['outcome changed']],
    ['one scope keeps its old snapshot', run(0, scope('G1', 'kept')), recorded(quiet), ['outcome changed']],
    ['it still does', run(0, scope('G1', 'kept')), recorded(run(0, scope('G1', 'kept'))), []],
    ['no data is no trouble', run(0, scope('G1', 'no data')), recorded(quiet), []],
    [
      'a failure beside a publish',
      run(3, scope('G1', 'published'), scope('G2', 'failed', 3)),
      recorded(quiet),
      ['published', 'outcome changed'],
    ],
    ['the first run', quiet, null, ['first run']],
    ['the first run publishes', run(0, scope('G1', 'published')), null, ['published', 'first run']],
    ['a run before that is not known', quiet, undefined, ['outcome changed']],
    [
      'a run before that has not ended',
      quiet,
      { outcome: '', exitCode: null, counts: '[]' },
      ['outcome changed'],
    ],
    ['counts of another shape', quiet, { outcome: 'x', exitCode: 0, counts: '{"scopes":3}' }, []],
    ['counts that are no JSON', quiet, { outcome: 'x', exitCode: 0, counts: 'torn' }, []],
  ])('are right where %s', (_case, now, former, reasons) => {
    expect(notifyReasons(now, former)).toEqual(reasons);
  });
});

describe('notifyBody', () => {
  it('holds the keys that docs/notify.md describes, and the whole summary', () => {
    const now = run(0, scope('G1', 'published'));
    const body = notifyBody(now, recorded(run(3)), ABOUT);
    const page = readFileSync(new URL('../../docs/notify.md', import.meta.url), 'utf8');
    expect(Object.keys(body)).toEqual(documentedRows(page, '## The document').map(([key]) => key));
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    expect(Object.keys(JSON.parse(example) as object)).toEqual(Object.keys(body));
    expect(body).toMatchObject({
      reasons: ['published', 'outcome changed'],
      ...ABOUT,
      outcome: 'outcome 0',
      exitCode: 0,
      previous: { outcome: 'outcome 3', exitCode: 3 },
      summary: now,
    });
  });

  it('says in its text what happened, which scopes are in trouble and what to do', () => {
    const error = {
      kind: 'transient',
      message: 'Graph answered 503',
      hint: 'it goes on tomorrow',
      facts: {},
    };
    const now = {
      ...run(3, { ...scope('G1', 'failed', 3), error, warnings: ['odd', 'odd'] }, scope('G2', 'unchanged')),
      warnings: ['strange'],
    };
    expect(notifyBody(now, recorded(run(0)), ABOUT).text).toBe(
      [
        'partner-billing, dataset csp (postgres): outcome 3 (exit 3); the run before: outcome 0',
        '- billed_usage G1: failed: Graph answered 503; it goes on tomorrow',
        '2 warnings',
      ].join('\n'),
    );
  });

  it('keeps its text short, without amounts, and lets no words of a server call anybody', () => {
    const error = { kind: 'x', message: `<!channel> ${'x'.repeat(2000)}`, hint: '', facts: {} };
    const many = Array.from({ length: 40 }, (_, index) => ({
      ...scope(`G${index}`, 'failed', 3),
      error,
      sums: { USD: '98765.43' },
    }));
    const { text } = notifyBody(run(3, ...many), null, ABOUT);
    expect(text).toContain('‹!channel›');
    expect(text).not.toMatch(/[<>]/);
    expect(text).not.toContain('98765');
    expect(text).toContain('... and 30 more');
    expect(text.length).toBeLessThan(6000);
  });
});
