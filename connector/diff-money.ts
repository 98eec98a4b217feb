import { STREAMS, type StreamName } from '../schemas/streams.js';
import { addDecimals } from './load/add-decimals.js';
import type { RestatedLine } from './load/restated-lines.js';

/** What restated lines come to. Money is exact canonical text. */
export interface DiffTotals {
  readonly lines: { readonly added: number; readonly removed: number; readonly changed: number };
  /** By currency, in its order: what was added, removed and changed (all with their sign), and their sum. */
  readonly money: Readonly<
    Record<
      string,
      { readonly added: string; readonly removed: string; readonly changed: string; readonly moved: string }
    >
  >;
}

type Money = { added: string; removed: string; changed: string; moved: string };

/** Adds up restated lines as they pass. */
export class DiffSum {
  readonly #lines = { added: 0, removed: 0, changed: 0 };
  readonly #money = new Map<string, Money>();

  constructor(private readonly stream: StreamName) {}

  /** Takes a line. */
  add(line: RestatedLine): void {
    this.#lines[line.change] += 1;
    const currency = currencyOf(this.stream, line);
    const money = this.#money.get(currency) ?? { added: '0', removed: '0', changed: '0', moved: '0' };
    const moved = movedBy(this.stream, line);
    money[line.change] = addDecimals(money[line.change], moved);
    money.moved = addDecimals(money.moved, moved);
    this.#money.set(currency, money);
  }

  /** What passed so far. */
  get totals(): DiffTotals {
    const money = [...this.#money].sort(([a], [b]) => (a < b ? -1 : 1));
    return { lines: { ...this.#lines }, money: Object.fromEntries(money) };
  }
}

/** The currency of a line, in upper case. */
export function currencyOf(stream: StreamName, { before, after }: RestatedLine): string {
  return ((after ?? before)?.get(STREAMS[stream].table.currency) ?? '').toUpperCase();
}

/** By how much a line's amount rose; negative where it fell. Exact. */
export function movedBy(stream: StreamName, { before, after }: RestatedLine): string {
  const { amount } = STREAMS[stream].table;
  return addDecimals(after?.get(amount) ?? '0', negated(before?.get(amount) ?? '0'));
}

function negated(decimal: string): string {
  return decimal.startsWith('-') ? decimal.slice(1) : `-${decimal}`;
}
