import { monthOf } from '../schemas/scope.js';
import type { ScopeState } from './load/destination.js';

/** Usage of an open month is new every day; three days without are worth a look (domain.md section C1). */
const USAGE_DUE_MS = 3 * 86_400_000;
/** Through this day of a month usage pauses and refills, and invoices arrive (domain.md, calendar of section C3). */
export const SETTLED_AFTER_DAY = 11;

/** What the calendar expects of a scope's data, and whether it is late. */
export interface Expectation {
  /** In a few words; empty where nothing is expected. */
  readonly expected: string;
  readonly isLate: boolean;
}

/** What the calendar expects of the data of a scope (domain.md, calendar of section C3). Pure. */
export function expectationOf({ scope, state, snapshot }: ScopeState, now: Date): Expectation {
  if (scope.by === 'invoice' || state === 'superseded') return { expected: '', isLate: false };
  const current = monthOf(now);
  if (scope.month < monthOf(now, -1)) return { expected: 'not offered any more', isLate: false };
  if (scope.stream !== 'unbilled_usage')
    return { expected: 'changes when something is bought', isLate: false };
  const day = now.getUTCDate();
  const mayPause = scope.month === current ? day <= 3 : day <= SETTLED_AFTER_DAY;
  if (mayPause) return { expected: 'may pause at the turn of the month', isLate: false };
  const made = snapshot?.manifestCreatedAt ?? snapshot?.publishedAt ?? null;
  const isLate = made !== null && now.getTime() - Date.parse(made) > USAGE_DUE_MS;
  return { expected: 'new every day', isLate };
}
