import { refused, whole } from './option-check.js';
import type { Change } from './restatement.js';

/** A stream of billed data. */
export type BilledStream = 'billed_usage' | 'billed_reconciliation';

/** The data of an invoice (or note) changes: a new eTag. */
export interface RestateEntry {
  /** First day of it in UTC, `2026-10-14`. */
  readonly on: string;
  readonly restate: string;
  /**
   * Default: both, and then the lines of usage follow the usage, so that the two agree again. With one stream only that
   * one changes, and they agree no longer.
   */
  readonly streams?: readonly BilledStream[];
  /** In each of the streams; of the lines only those that charge no usage change. Default 2 changed, 1 removed, 1 added. */
  readonly change?: Change;
}

/** A credit note appears below its invoice in the list. It has no usage. */
export interface CreditEntry {
  readonly on: string;
  /** Its own `G` number. */
  readonly creditNote: string;
  readonly amends: string;
  /** Lines of its own, each a credit of one of the invoice's. Default 3; 0: an export of it ends with code 5000. */
  readonly lines?: number;
}

/** An invoice is declared void; the list keeps it, with a void note below it. */
export interface VoidEntry {
  readonly on: string;
  readonly void: string;
  /** Number of the void note, which never has data. */
  readonly note: string;
  /** Whether its data can still be exported, or ends with code 5000 from now on. Default `stays`. */
  readonly data?: 'stays' | 'goes';
}

/** Something that happens to a document on a day. */
export type ScriptEntry = RestateEntry | CreditEntry | VoidEntry;

/** What happens to the documents, in the order of its days. */
export interface DocumentScript {
  readonly restatements: readonly Required<RestateEntry>[];
  readonly credits: readonly Required<CreditEntry>[];
  readonly voids: readonly Required<VoidEntry>[];
}

const BOTH: readonly BilledStream[] = ['billed_usage', 'billed_reconciliation'];
const SOME: Change = { changed: 2, removed: 1, added: 1 };

/**
 * A script with its defaults, sorted by day.
 * @throws ConfigError for a day that is none, a document that nothing is known of, or a number that is taken.
 */
export function settledScript(entries: readonly ScriptEntry[], invoices: readonly string[]): DocumentScript {
  const sorted = [...entries].sort((one, other) => one.on.localeCompare(other.on));
  const script: DocumentScript = {
    restatements: sorted
      .filter((entry) => 'restate' in entry)
      .map((entry) => ({ streams: BOTH, change: SOME, ...entry })),
    credits: sorted.filter((entry) => 'creditNote' in entry).map((entry) => ({ lines: 3, ...entry })),
    voids: sorted.filter((entry) => 'void' in entry).map((entry) => ({ data: 'stays' as const, ...entry })),
  };
  check(script, sorted, invoices);
  return script;
}

function check(script: DocumentScript, entries: readonly ScriptEntry[], invoices: readonly string[]): void {
  for (const { on } of entries) {
    const isDay = /^\d{4}-\d{2}-\d{2}$/.test(on) && !Number.isNaN(Date.parse(`${on}T00:00:00Z`));
    if (!isDay) throw refused('calendar.script', on, 'a day such as 2026-10-14');
  }
  const notes = [
    ...script.credits.map(({ creditNote }) => creditNote),
    ...script.voids.map(({ note }) => note),
  ];
  const taken = new Set(invoices);
  for (const note of notes) {
    if (!/^G[A-Z0-9]{2,39}$/.test(note) || taken.has(note))
      throw refused('calendar.script', note, 'a number of its own for the note, such as G016907451');
    taken.add(note);
  }
  for (const { lines } of script.credits) whole('calendar.script lines', lines, 0, 10_000);
  const amended = [...script.credits.map(({ amends }) => amends), ...script.voids.map((entry) => entry.void)];
  for (const id of amended) {
    if (!invoices.includes(id)) throw refused('calendar.script', id, `one of ${invoices.join(', ')}`);
  }
  for (const { restate } of script.restatements) {
    if (!taken.has(restate)) throw refused('calendar.script', restate, `one of ${[...taken].join(', ')}`);
  }
}
