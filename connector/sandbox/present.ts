import { ConfigError } from '../../schemas/errors.js';
import { monthOfPeriod } from '../../schemas/scope.js';
import { BILLING_PERIODS, STREAM_NAMES, type AttributeSet } from '../../schemas/streams.js';
import { usageAgrees } from './agreement.js';
import { isBilled, type ScopeName } from './data-scope.js';
import type { ContentFault } from './faults.js';
import { listedDocuments, type ListedDocument } from './listed-documents.js';
import { settled, type SandboxOptions, type Settings } from './options.js';
import { foundScope } from './present-scope.js';
import { SandboxData, type Expected } from './sandbox-data.js';

/** A scope that can be asked for, with what it holds; null: an export of it ends with code 5000. */
export interface PresentScope {
  readonly scope: ScopeName;
  readonly holds: Expected | null;
}

/** What a sandbox with a billing calendar holds at one moment. */
export interface Present {
  /** What the invoice list names, notes below what they amend. */
  readonly documents: readonly ListedDocument[];
  /**
   * Every scope that somebody may ask for: listed documents in both billed streams, and the current and the last month
   * of each currency in both unbilled ones.
   */
  readonly scopes: readonly PresentScope[];
  /** What an export of the scope holds; null where it ends with code 5000, also for a scope that is not known. */
  holds(scope: ScopeName, attributeSet?: AttributeSet): Expected | null;
  /** Whether the invoice's usage and lines agree, by the rule of `agreement.ts`; null where one of them has no data. */
  agrees(invoice: string): boolean | null;
}

/**
 * What a sandbox with these options holds at a moment, without a server: a function of its arguments and nothing else.
 * @throws ConfigError for options that cannot be, or that have no calendar.
 */
export function presentAt(options: SandboxOptions, at: Date): Present {
  const settings = settled({ ...options, now: () => at });
  return presentOf(settings, new SandboxData(settings), []);
}

/** What a sandbox holds now, with what was restated by hand and with the faults that change content. @throws ConfigError without a calendar */
export function presentOf(settings: Settings, data: SandboxData, faults: readonly ContentFault[]): Present {
  const { calendar } = settings;
  if (calendar === null) {
    throw new ConfigError({
      message: 'sandbox: what it holds at a moment depends on a billing calendar, and it has none',
      hint: 'start it with the option calendar, {} for the usual days',
    });
  }
  const now = settings.now();
  const fixed: Settings = { ...settings, now: () => now };
  const holds = (scope: ScopeName, attributeSet: AttributeSet = 'full'): Expected | null => {
    const found = foundScope(fixed, scope);
    return found === null ? null : data.expected(found, attributeSet, faults);
  };
  const documents = listedDocuments(fixed, calendar, data);
  return {
    documents,
    scopes: namesOf(fixed, documents).map((scope) => ({ scope, holds: holds(scope) })),
    holds,
    agrees: (invoice) => {
      const usage = foundScope(fixed, { stream: 'billed_usage', invoice });
      const lines = foundScope(fixed, { stream: 'billed_reconciliation', invoice });
      return usage === null || lines === null ? null : usageAgrees(data, usage, lines);
    },
  };
}

function namesOf({ currencies, now }: Settings, documents: readonly ListedDocument[]): readonly ScopeName[] {
  const ids = documents.flatMap(({ id, amendments }) => [id, ...amendments.map((note) => note.id)]);
  const months = BILLING_PERIODS.map((period) => monthOfPeriod(period, now()));
  return STREAM_NAMES.flatMap((stream): readonly ScopeName[] =>
    isBilled(stream)
      ? ids.map((invoice) => ({ stream, invoice }))
      : months.flatMap((month) => currencies.map((currency) => ({ stream, month, currency }))),
  );
}
