import { describe, expect, it } from 'vitest';
import { nearest } from '../../connector/nearest.js';

const KNOWN = ['invoices', 'attribute_set', 'accept_invoice_numbers', 'spool', 'warn'];

describe('nearest', () => {
  it.each([
    ['invocies', 'invoices'],
    ['Invoices', 'invoices'],
    ['invoice', 'invoices'],
    ['atribute_set', 'attribute_set'],
    ['attributeSet', 'attribute_set'],
    ['spol', 'spool'],
    ['sopol', 'spool'],
    ['warning', 'warn'],
    ['inv', 'invoices'],
  ])('takes %s for %s', (word, expected) => {
    expect(nearest(word, KNOWN)).toBe(expected);
  });

  it.each(['', 'x', 'destination', 'zzzzz', 'y'.repeat(10_000)])('finds nothing near %.20s', (word) => {
    expect(nearest(word, KNOWN)).toBeNull();
    expect(nearest(word, [])).toBeNull();
  });
});
