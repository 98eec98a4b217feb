import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

interface Seen {
  readonly name: string;
  readonly refused: string | null;
  readonly rejected: readonly string[];
  readonly read: number;
  readonly staged?: number;
  readonly maxRssMiB: number;
}

/** What JavaScript's heap may grow to; a process that needs more dies. */
const HEAP_MIB = 96;
let seen: readonly Seen[] = [];

beforeAll(() => {
  const script = join(import.meta.dirname, '../fixtures/hostile-blobs.mjs');
  const out = execFileSync(process.execPath, [`--max-old-space-size=${HEAP_MIB}`, script], {
    encoding: 'utf8',
  });
  seen = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Seen);
});

describe(`in a process with ${HEAP_MIB} MiB of heap`, () => {
  it.each<[string, Partial<Seen>]>([
    ['a line of 100 MB', { refused: 'IntegrityError: line length 1', read: 0 }],
    ['a line of 15 MB', { refused: null, read: 1, staged: 1 }],
    ['lines that are no JSON', { rejected: ['the line is no JSON object'], read: 200, staged: 0 }],
    ['a million members', { rejected: ['the JSON object has more than 4096 members'], read: 1, staged: 0 }],
    ['brackets', { rejected: ['the value is nested deeper than 100 levels'], read: 1, staged: 0 }],
    [
      'one number of digits',
      { rejected: ['the value has more than 16 digits before the decimal point'], read: 1, staged: 0 },
    ],
    ['unknown names without end', { read: 20_000, staged: 20_000 }],
    [
      'a bomb',
      { refused: expect.stringMatching(/^IntegrityError: inflation ratio \d+$/) as string, read: 0 },
    ],
  ])('%s ends as the limits say', (name, expected) => {
    expect(seen.find((one) => one.name === name)).toMatchObject(expected);
  });

  it('the memory of the process stays within what the limits add up to, whatever came', () => {
    expect(seen).toHaveLength(8);
    expect(Math.max(...seen.map(({ maxRssMiB }) => maxRssMiB))).toBeLessThan(400);
  });
});
