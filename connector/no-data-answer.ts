import { IntegrityError } from '../schemas/errors.js';
import { scopeLabel, scopeText, type Scope } from '../schemas/scope.js';
import { allowEmptyCommand } from './allow-empty-command.js';
import type { ExportOutcome } from './extract/extractor.js';
import type { LoadContext } from './load-context.js';
import { isKept, publishNothing } from './load-scope.js';
import type { PlannedExport } from './plan.js';
import type { PublishedOf } from './published-of.js';
import { published, refused, reloaded, unchanged, type ScopeEnding } from './scope-ending.js';

/** What judging an answer of no data depends on. */
export interface NoDataRun {
  readonly planned: PlannedExport;
  readonly load: LoadContext;
  readonly published: PublishedOf;
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
}

type NoDataOutcome = Extract<ExportOutcome, { kind: 'no data' }>;

/**
 * What Graph's code 5000 means. Over rows it is treated like an empty answer: kept or refused, or published where a
 * person named the scope; over an empty snapshot it is nothing new, and a reload removes rows that came by hand. Where nothing is published, the plan says whether
 * data is still expected (`pending`), is missing (`failed`) or is not expected (`no data`).
 */
export async function noData(run: NoDataRun, outcome: NoDataOutcome): Promise<ScopeEnding> {
  const { planned, load } = run;
  const { scope } = outcome;
  const answer = `no data (${outcome.code})`;
  const before = run.published(scope);
  const { reload = false } = planned;
  if (before !== null) {
    const isEmpty = before.counts.staged === 0;
    if (isEmpty && !reload) return { ...unchanged(scope, before.eTag), answer };
    if (!isEmpty && !planned.allowEmpty) return overRows(scope, outcome, load.clock.now());
    const { attributeSet } = planned.request;
    const empty = { scope, attributeSet, answer, billingMonth: before.billingMonth, reload };
    const result = await run.inTurn(() => publishNothing(load, empty));
    const ending = published(scope, answer, result, []);
    return reload ? reloaded(ending, before.eTag) : ending;
  }
  const checked = true;
  switch (planned.whenNoData) {
    case 'no data': {
      const { allowEmpty: allowedEmpty } = planned;
      const warnings = allowedEmpty || planned.noDataIsUsual ? [] : [`${outcome.message}; ${outcome.hint}`];
      return { scope, outcome: 'no data', state: 'no data', answer, checked, allowedEmpty, warnings };
    }
    case 'pending':
      return { scope, outcome: 'pending', state: 'pending', answer, checked };
    case 'failed':
      return { scope, outcome: 'failed', state: 'pending', answer, checked, error: missing(scope, outcome) };
  }
}

function overRows(scope: Scope, { code, message, hint }: NoDataOutcome, now: Date): ScopeEnding {
  const error = new IntegrityError({
    message: `${scopeLabel(scope)}: Graph has no data (${code}: ${message}), but rows are published and kept`,
    hint: `if it is empty indeed, publish that by name: ${allowEmptyCommand(scope)}; else: ${hint}`,
    facts: { rule: 'empty', stream: scope.stream, scope: scopeText(scope), code },
  });
  if (!isKept(scope, error, now)) return refused(scope, error);
  return {
    ...{ scope, outcome: 'kept', state: null },
    answer: `no data (${code}); the published snapshot is kept`,
    warnings: [`${error.message}; ${error.hint}`],
  };
}

function missing(scope: Scope, { code, message }: NoDataOutcome): IntegrityError {
  return new IntegrityError({
    message: `${scopeLabel(scope)}: Graph has no data (${code}: ${message}), though it was due by the 11th after the invoice`,
    hint: `if the invoice has none, say so by name: ${allowEmptyCommand(scope)}; else report it to Microsoft`,
    facts: { rule: 'due', stream: scope.stream, scope: scopeText(scope), code },
  });
}
