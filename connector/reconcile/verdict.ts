import { EXIT_CODES } from '../../schemas/errors.js';
import type { CheckCount, CheckStatus } from '../load/check-rows.js';
import { countOf } from '../quantity-text.js';
import { isShown, type AskedChecks, type CheckResult } from './examine.js';

/** What makes `reconcile` fail: what does not match, what is not settled yet as well, or nothing. */
export const FAIL_ON = ['mismatch', 'partial', 'never'] as const;

/** One of {@link FAIL_ON}. */
export type FailOn = (typeof FAIL_ON)[number];

/** What checks come to. */
export interface Verdict {
  /** 0 or 7. */
  readonly exitCode: number;
  readonly outcome: 'all right' | 'differs' | 'partial' | 'nothing was checked';
  /** In a sentence. */
  readonly text: string;
  /** Rows by what they say; `notChecked` are those of checks of amounts, where the others say that none is expected. */
  readonly rows: Readonly<Record<'right' | 'differing' | 'partial' | 'notChecked', number>>;
  /** Names of the checks that differ and decide, and of those that only give a hint or remark on what matches. */
  readonly differing: readonly string[];
  readonly hints: readonly string[];
  /** Invoices, named by the user, of which nothing was checked. */
  readonly unchecked: readonly string[];
}

/** Whether a status says that two sides are not the same. */
export function isDifference(status: CheckStatus): boolean {
  return status === 'mismatch' || status === 'left_only' || status === 'right_only';
}

/**
 * What the results come to. A check that was asked for by name decides whatever it says. `nothing was checked` where no
 * check of amounts (of those asked for by name: no check) compared anything, in all or of an invoice that was named.
 * Pure.
 */
export function verdictOf(results: readonly CheckResult[], asked: AskedChecks, failOn: FailOn): Verdict {
  const isNamed = asked.checks !== undefined;
  const deciding = results.filter(({ check }) => isNamed || check.says !== 'hint');
  const differing = namesOf(deciding, isDifference);
  const partial = namesOf(deciding, (status) => status === 'partial');
  const hints = results
    .filter((result) => {
      const { check, counts } = result;
      const isOpen = ({ status, largest }: CheckCount): boolean =>
        status === 'not_checked' && isShown(check, status) && largest !== null;
      const isFound = counts.some((count) => isDifference(count.status) || isOpen(count));
      return (isFound && !deciding.includes(result)) || counts.some(({ remarked }) => remarked > 0);
    })
    .map(({ check }) => check.name);
  const comparing = results.filter(({ check }) => isNamed || check.says === 'amount');
  const unchecked = (asked.invoices ?? []).filter((invoice) => !isChecked(comparing, invoice));
  const isNothing = !isChecked(comparing, null) || unchecked.length > 0;
  const facts = { rows: rowsOf(comparing, results), differing, hints, unchecked };
  const outcome =
    differing.length > 0
      ? 'differs'
      : isNothing
        ? 'nothing was checked'
        : partial.length > 0
          ? 'partial'
          : 'all right';
  const fails =
    outcome === 'differs' ||
    outcome === 'nothing was checked' ||
    (outcome === 'partial' && failOn === 'partial');
  return {
    ...facts,
    outcome,
    exitCode: fails && failOn !== 'never' ? EXIT_CODES.mismatch : 0,
    text: sentence(outcome, { ...facts, partial }),
  };
}

function namesOf(results: readonly CheckResult[], is: (status: CheckStatus) => boolean): readonly string[] {
  return results
    .filter(({ counts }) => counts.some(({ status }) => is(status)))
    .map(({ check }) => check.name);
}

/** @param invoice null: whatever it is of */
function isChecked(results: readonly CheckResult[], invoice: string | null): boolean {
  return results.some(({ counts }) =>
    counts.some(
      ({ subject, status }) => status !== 'not_checked' && (invoice === null || subject === invoice),
    ),
  );
}

function rowsOf(comparing: readonly CheckResult[], all: readonly CheckResult[]): Verdict['rows'] {
  const sum = (results: readonly CheckResult[], is: (status: CheckStatus) => boolean): number =>
    results
      .flatMap(({ counts }) => counts)
      .filter(({ status }) => is(status))
      .reduce((total, { rows }) => total + rows, 0);
  return {
    right: sum(all, (status) => status === 'matched' || status === 'within_tolerance'),
    differing: sum(all, isDifference),
    partial: sum(all, (status) => status === 'partial'),
    notChecked: sum(comparing, (status) => status === 'not_checked'),
  };
}

function sentence(
  outcome: Verdict['outcome'],
  {
    rows,
    differing,
    hints,
    unchecked,
    partial,
  }: Omit<Verdict, 'exitCode' | 'outcome' | 'text'> & {
    readonly partial: readonly string[];
  },
): string {
  const also = [
    ...(outcome === 'differs' && unchecked.length > 0
      ? [`nothing was checked of ${unchecked.join(', ')}`]
      : []),
    ...(rows.notChecked === 0
      ? []
      : [`${countOf(rows.notChecked, 'comparison')} of amounts could not be made`]),
    ...(hints.length === 0 ? [] : [`${hints.join(', ')} found something worth a look`]),
  ];
  const nothing =
    unchecked.length === 0
      ? 'nothing was checked: no check of amounts had both sides to compare'
      : `nothing was checked of ${unchecked.join(', ')}: no check of amounts had both sides to compare`;
  const said: Record<Verdict['outcome'], string> = {
    differs: `does not match: ${differing.join(', ')}`,
    'nothing was checked': `${nothing}; this is not "all is well"`,
    partial: `not settled yet: ${partial.join(', ')}`,
    'all right': `everything that was checked matches (${countOf(rows.right, 'comparison')})`,
  };
  return [said[outcome], ...also].join('; ');
}
