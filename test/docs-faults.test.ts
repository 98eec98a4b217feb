import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** Rows of the matrix: number, fault, promise, and the tests that it names. */
const rows = read('docs/faults.md')
  .split('\n')
  .map((line) => /^\| (\d+) \| (.+?) \| (.+?) \| (.+) \|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, number, fault, promise, tests]) => ({
    number: Number(number),
    fault,
    promise,
    tests: tests ?? '',
  }));

const named = rows.flatMap(({ number, tests }) =>
  tests
    .split('<br>')
    .filter((text) => text !== 'waits')
    .map((text) => ({ number, text })),
);

describe('docs/faults.md', () => {
  it('has a row for each of the 52 faults, in their order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 52 }, (_, index) => index + 1));
  });

  it('names for every row tests that exist, or says what it waits for', () => {
    const missing = named.filter(({ text }) => {
      const [, path, title] = /^`(test\/[\w./-]+)`(?:: "(.+)")?$/.exec(text) ?? [];
      if (path === undefined || !existsSync(new URL(path, root))) return true;
      return title !== undefined && !read(path).includes(title);
    });
    expect(missing).toEqual([]);
    const waiting = rows.filter(({ tests }) => tests === 'waits').map(({ number }) => number);
    expect(waiting.every((number) => rows[number - 1]?.promise?.includes('wait') === true)).toBe(true);
    expect(named.length).toBeGreaterThan(60);
  });
});
