import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomCycles } from './random-cycles.js';
import { neverPublished } from './random-differences.js';
import { RandomSite } from './random-site.js';
import { startTotalsReader, type TotalsReader } from './totals-reader.js';

/** What is set from outside: which choices are made, and how long it goes on. */
const SEED = Number(process.env['RANDOM_RUN_SEED'] ?? randomInt(1, 1_000_000));
const CYCLES = Number(process.env['RANDOM_RUN_CYCLES'] ?? 2);
const MINUTES = Number(process.env['RANDOM_RUN_MINUTES'] ?? 0);

let sites: RandomSite[] = [];
let reader: TotalsReader | undefined;

beforeAll(async () => {
  tell(`random run: seed ${SEED} (RANDOM_RUN_SEED=${SEED} makes the same choices again)`);
  sites = [await RandomSite.open('duckdb', SEED), await RandomSite.open('postgres', SEED)];
  for (const site of sites) await site.migrate();
  const [{ file, readCopy } = { file: '', readCopy: '' }, postgres] = sites;
  reader = startTotalsReader({ url: postgres?.databaseUrl ?? '', file, copy: readCopy });
});
afterAll(async () => {
  reader?.kill();
  for (const site of sites) await site.close();
});

it(
  'holds what the service holds after every cycle of restatements, faults and kills, and shows readers nothing else',
  async () => {
    const cycles = new RandomCycles(sites, SEED);
    const until = performance.now() + MINUTES * 60_000;
    while (cycles.figures.cycles < CYCLES || performance.now() < until) {
      const differences = await cycles.cycle();
      const story = [`seed ${SEED}, cycle ${cycles.figures.cycles}`, ...cycles.story].join('\n');
      expect(differences, story).toEqual([]);
      expect(reader?.errors, story).toEqual([]);
      expect(neverPublished(sites, reader?.seen ?? []), story).toEqual([]);
    }
    const polls = (await reader?.end()) ?? { postgres: 0, duckdb: 0, 'read copy': 0 };
    const seen = reader?.seen ?? [];
    expect([reader?.errors, neverPublished(sites, seen)], `seed ${SEED}`).toEqual([[], []]);
    // What is there at the end is what was proven when it was published.
    for (const site of sites) {
      const { exitCode, out, err } = await site.run(['verify']);
      expect(exitCode, `seed ${SEED}: ${out}${err}`).toBe(0);
    }
    const { kills, faults, restatements } = cycles.figures;
    const told = Object.entries(cycles.figures).map(([what, count]) => `${what} ${count}`);
    const read = Object.entries(polls).map(([source, count]) => `${source} ${count}`);
    tell(
      `random run: ${told.join(', ')}; polls: ${read.join(', ')}; totals seen ${seen.length}; differences 0; seed ${SEED}`,
    );
    expect(Math.min(kills, faults, restatements, seen.length, ...Object.values(polls))).toBeGreaterThan(0);
  },
  MINUTES * 60_000 + CYCLES * 120_000 + 240_000,
);

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
