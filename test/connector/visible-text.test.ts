import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textTable } from '../../connector/text-table.js';
import { visibleJson, visibleLines, visibleText } from '../../connector/visible-text.js';

describe('text that would steer a terminal', () => {
  it.each([
    ['\u001b[31mred\u001b]0;title\u0007', '\\u{1b}[31mred\\u{1b}]0;title\\u{7}'],
    ['two\nlines\r\tand', 'two\\nlines\\r\\tand'],
    ['C1 \u009b2J \u0085', 'C1 \\u{9b}2J \\u{85}'],
    ['\u202egnp.exe \u2066x\u2069 \u200f', '\\u{202e}gnp.exe \\u{2066}x\\u{2069} \\u{200f}'],
    ['\u2028 \u2029 \ufeff \u00ad \u{e0041}', '\\u{2028} \\u{2029} \\u{feff} \\u{ad} \\u{e0041}'],
    ['\ud800 \u0000', '\\u{d800} \\u{0}'],
    ['é 漢字 🙂 👩\u200d👧 क\u200dष \u00a0', 'é 漢字 🙂 👩\u200d👧 क\u200dष \u00a0'],
  ])('%j is shown as %s', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it('keeps lines and tabs where text has several lines', () => {
    expect(visibleLines('a\n\tb\r\u001b[A')).toBe('a\n\tb\\r\\u{1b}[A');
  });

  it('becomes JSON escapes in JSON, which says the same', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: false }), fc.string({ unit: 'binary' }), (value, text) => {
        const json = JSON.stringify({ value, [text]: text }, null, 2);
        const shown = visibleJson(json);
        expect(JSON.parse(shown)).toEqual(JSON.parse(json));
        expect(shown).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('cannot leave its cell in a table', () => {
    const table = textTable([{ title: 'a\u001b[1m' }, { title: 'b' }], [['one\ntwo', '\u202ethree']]);
    expect(table.split('\n')).toEqual(['a\\u{1b}[1m  b', 'one\\ntwo    \\u{202e}three']);
  });
});
