import { InvalidArgumentError } from 'commander';
import { canonicalDecimal } from '../schemas/decimal-text.js';
import { INVOICE_ID } from '../schemas/invoice-id.js';
import { nearest } from './nearest.js';

/** Reads one of several words, adding it to those given before; suggests the nearest word for a slip. */
export function wordsOf<Word extends string>(allowed: readonly Word[]) {
  const one = wordOf(allowed);
  return (text: string, before: readonly Word[] = []): Word[] => [...before, one(text)];
}

/** Reads one of several words; suggests the nearest for a slip. */
export function wordOf<Word extends string>(allowed: readonly Word[]) {
  return (text: string): Word => {
    const word = allowed.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    const near = nearest(text, allowed);
    const meant = near === null ? '' : ` Did you mean ${near}?`;
    throw new InvalidArgumentError(`It must be one of ${allowed.join(', ')}.${meant}`);
  };
}

/** Reads an invoice id. */
export function invoiceId(text: string): string {
  if (!INVOICE_ID.test(text)) throw new InvalidArgumentError('It must be an invoice id such as G016907411.');
  return text;
}

/** Reads an invoice id, adding it to those given before. */
export function invoiceIds(text: string, before: readonly string[] = []): string[] {
  return [...before, invoiceId(text)];
}

/** Reads an exact amount such as 14.11 or -3, in plain notation, as canonical text. */
export function amountText(text: string): string {
  if (/^-?\d{1,16}(\.\d{1,22})?$/.test(text)) return canonicalDecimal(text);
  throw new InvalidArgumentError(
    'It must be an amount such as 1234.50: a point before decimals, and nothing between thousands.',
  );
}

/** Reads a month such as 2024-01. */
export function monthText(text: string): string {
  if (/^20\d{2}-(0[1-9]|1[0-2])$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a month such as 2024-01.');
}

/** Reads a whole number from `min` to `max`, both inclusive. */
export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const number = /^\d{1,15}$/.test(text) ? Number.parseInt(text, 10) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
