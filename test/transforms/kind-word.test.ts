import fc from 'fast-check';
import { expect, it } from 'vitest';
import { kindWord } from '../../transforms/kind-word.js';

it.each([
  ['Credit Note', 'credit_note'],
  ['CreditNote', 'credit_note'],
  ['credit_note', 'credit_note'],
  ['adjustment-note', 'adjustment_note'],
  ['VOIDNote', 'void_note'],
  ['VOID', 'void'],
  ['OneTime', 'one_time'],
  ['oneTime', 'one_time'],
  ['Recurring', 'recurring'],
  [' Active ', 'active'],
  ['Tier2Note', 'tier2_note'],
  ['für Ärzte', 'für_Ärzte'],
  ['-', '-'],
])('%j is spelled %j', (text, word) => {
  expect(kindWord(text)).toBe(word);
});

it('a word that has its spelling keeps it, and no letter or digit is lost', () => {
  const lettersOf = (text: string): string => text.replace(/[^A-Za-z0-9\u0080-\uffff]/g, '').toLowerCase();
  fc.assert(
    fc.property(fc.string(), (text) => {
      const word = kindWord(text);
      expect(kindWord(word)).toBe(word);
      expect(lettersOf(word)).toBe(lettersOf(text));
    }),
  );
});

it('words are told apart the same whether capitals or marks part them', () => {
  const word = fc.stringMatching(/^[a-z]{2,8}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(' ', '-', '_', ' / '),
      (words, mark) => {
        const capital = words.map((one) => one.charAt(0).toUpperCase() + one.slice(1)).join('');
        expect(kindWord(capital)).toBe(words.join('_'));
        expect(kindWord(words.join(mark))).toBe(words.join('_'));
        expect(kindWord(words.join(mark).toUpperCase())).toBe(words.join('_'));
      },
    ),
  );
});
