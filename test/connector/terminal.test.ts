import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Terminal } from '../../connector/terminal.js';
import { cutToWidth, widthOf } from '../../connector/text-width.js';
import { shown, terminal } from './seen-terminal.js';

describe('Terminal', () => {
  it('scrubs what stays and what is live', () => {
    const { terminal: screen, written } = terminal(true);
    screen.show(['a secret line']);
    screen.write('another secret');
    expect(written.join('')).not.toContain('secret');
  });

  it('lets no control character of what a server said through, and keeps live lines on one line each', () => {
    const { terminal: screen, written } = terminal(false);
    screen.write('a\u001b[31mred\u0007\u009b2J\rb\tc\nd');
    expect(written).toEqual(['a\\u{1b}[31mred\\u{7}\\u{9b}2J\\rb\tc\nd\n']);
    const live = terminal(true, { columns: 0, rows: 0 });
    live.terminal.show(['x\ny']);
    expect(shown(live.written)).toEqual('x y\n');
  });

  it('shows no live lines where nobody looks', () => {
    const { terminal: screen, written } = terminal(false);
    screen.show(['live']);
    screen.write('stays');
    expect(written).toEqual(['stays\n']);
  });

  it('cuts live lines to the width and to the height of the screen, so that redrawing fits', () => {
    const { terminal: screen, written } = terminal(true, { columns: 30, rows: 6 });
    screen.show(Array.from({ length: 9 }, (_, index) => `${index} ${'x'.repeat(100)}`));
    const lines = shown(written).trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('... and 6 more');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
  });
});

describe('a terminal that is resized', () => {
  it('goes back over the rows that its lines were wrapped to, and draws them anew for the new width', () => {
    const sink = {
      columns: 60,
      rows: 24,
      isTTY: true,
      written: [] as string[],
      write: (text: string) => sink.written.push(text),
    };
    const screen = new Terminal(sink, (text) => text);
    screen.show(['a'.repeat(100), 'b'.repeat(10)]);
    sink.written.length = 0;
    screen.show(['a'.repeat(100), 'b'.repeat(10)]);
    expect(sink.written).toEqual([]);
    sink.columns = 20;
    screen.show(['a'.repeat(100), 'b'.repeat(10)]);
    expect(shown(sink.written)).toBe(`<up 4>${'a'.repeat(19)}\n${'b'.repeat(10)}\n`);
    sink.written.length = 0;
    screen.show([]);
    expect(sink.written).toEqual(['\u001b[2A\u001b[0J']);
  });

  it('is not cleared before it is drawn on, so that nothing flickers', () => {
    const { terminal: screen, written } = terminal(true);
    screen.show(['one', 'two']);
    written.length = 0;
    screen.show(['one', 'three']);
    expect(written).toEqual(['\u001b[2Aone\u001b[K\nthree\u001b[K\n\u001b[0J']);
  });
});

describe('text on a terminal', () => {
  it.each([
    ['plain', 5],
    ['', 0],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['한', 2],
    ['ｆ', 2],
    ['🙂', 2],
    ['𠮷', 2],
  ])('%s fills as many cells as a terminal gives it', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  it('is cut so that it fits and no character is cut in two', () => {
    expect(cutToWidth('漢字kanji', 5)).toBe('漢字k');
    expect(cutToWidth('漢字', 3)).toBe('漢');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, width) => {
        const cut = cutToWidth(text, width);
        expect(text.startsWith(cut)).toBe(true);
        expect(widthOf(cut)).toBeLessThanOrEqual(width);
        if (cut !== text) {
          const [next = ''] = text.slice(cut.length);
          expect(widthOf(cut + next)).toBeGreaterThan(width);
        }
      }),
    );
  });
});
