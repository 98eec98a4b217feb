import { ConfigError } from '../schemas/errors.js';
import { monthOfPeriod, scopeLabel, scopeText, type Scope } from '../schemas/scope.js';
import type { BillingPeriod } from '../schemas/streams.js';
import type { PublishedSnapshot, RecordedState, ScopeState } from './load/destination.js';
import type { Plan, PlannedExport } from './plan.js';
import { namedScope } from './plan-requests.js';

/** A scope to reload, and what is published of it. */
export interface ScopeToReload {
  readonly scope: Scope;
  readonly snapshot: PublishedSnapshot;
}

/** Why a reloaded scope was asked for. */
export const RELOAD_REASON = 'to be reloaded, named by hand';

/**
 * The published scopes that `--reload` names, each once. Pure.
 * @param named scopes, each `SCOPE` or `STREAM:SCOPE`
 * @throws ConfigError for a name of which nothing is published
 */
export function scopesToReload(state: RecordedState, named: readonly string[]): readonly ScopeToReload[] {
  const found = new Map<string, ScopeToReload>();
  for (const name of named) {
    const published = state.scopes.filter((one) => isNamed(name, one)).flatMap(publishedPart);
    if (published.length === 0) {
      throw new ConfigError({
        message: `--reload ${name}: nothing is published of it, so there is nothing to put right`,
        hint: 'name a scope as `status` prints it, with or without its stream: billed_usage:G016907411, 2026-11-USD; what was never loaded is loaded by `partner-billing sync`',
      });
    }
    for (const one of published) found.set(scopeLabel(one.scope), one);
  }
  return [...found.values()];
}

/**
 * The plan to reload scopes by new exports, in the attribute set that is published; nothing else is asked for. Pure.
 * @throws ConfigError for a name of which nothing is published, or whose month Graph no longer gives as it was
 */
export function planReload(state: RecordedState, named: readonly string[], now: Date): Plan {
  const superseded = new Set(
    state.scopes.filter((one) => one.state === 'superseded').map(({ scope }) => scopeLabel(scope)),
  );
  const exports = scopesToReload(state, named).map(({ scope, snapshot }): PlannedExport => {
    const { attributeSet } = snapshot;
    const period = scope.by === 'month' ? periodOf(scope.month, now) : null;
    if (superseded.has(scopeLabel(scope)) || period === undefined) throw gone(scope);
    return {
      request: { scope, attributeSet, ...(period === null ? {} : { period }) },
      reason: RELOAD_REASON,
      whenNoData: 'no data',
      noDataIsUsual: false,
      allowEmpty: false,
      reload: true,
    };
  });
  return { exports, left: [], warnings: [] };
}

function isNamed(name: string, { scope }: ScopeState): boolean {
  const { stream, scope: text } = namedScope(name);
  return text === scopeText(scope) && (stream === null || stream === scope.stream);
}

function publishedPart({ scope, snapshot }: ScopeState): readonly ScopeToReload[] {
  return snapshot === null ? [] : [{ scope, snapshot }];
}

function periodOf(month: string, now: Date): BillingPeriod | undefined {
  return (['current', 'last'] as const).find((period) => monthOfPeriod(period, now) === month);
}

function gone(scope: Scope): ConfigError {
  return new ConfigError({
    message: `--reload ${scope.stream}:${scopeText(scope)}: Microsoft no longer gives the estimate of that month as it was`,
    hint: 'what is published of it stays as it is; restore it from a backup of the database, or use the billed data of the month',
  });
}
