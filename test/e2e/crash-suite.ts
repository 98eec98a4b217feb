import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dialect } from '../../connector/load/destination.js';
import type { RunSummary } from '../../connector/run-summary.js';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import { RUN_STEPS, type RunStep } from '../../schemas/run-steps.js';
import { countOf, crashSandbox, CrashSite, INVOICE, MONTH } from './crash-scene.js';
import { contentOf } from './dataset-content.js';

/** What is to be seen of a run that was killed at a step, and of the one after it. */
interface CrashCase {
  /** The how manieth time that the run comes there. */
  readonly time?: number;
  /** POSTs of both runs: 2 where the first export was lost, or was published and the second run asks for changes. */
  readonly posts: number;
  /** Blobs that the second run reads: those that are not whole on disk. */
  readonly blobs: number;
  /** Whether the new snapshot is the one that a reader sees after the crash. */
  readonly isPublished: boolean;
  /** Over an empty destination. */
  readonly isFirst?: true;
  readonly fault?: 'blob-stalled:1';
}

/** A case for each step. */
export const CASES: Readonly<Record<RunStep, CrashCase>> = {
  // On a first run the three notes of the list are asked for too, and have no data.
  'migration applied': { time: 1, posts: 4, blobs: 3, isPublished: false, isFirst: true },
  'invoice list read': { posts: 1, blobs: 3, isPublished: false },
  'invoice list recorded': { posts: 1, blobs: 3, isPublished: false },
  'package begun': { posts: 1, blobs: 3, isPublished: false },
  'intent recorded': { posts: 1, blobs: 3, isPublished: false },
  'POST answered': { posts: 2, blobs: 3, isPublished: false },
  'operation recorded': { posts: 1, blobs: 3, isPublished: false },
  'mid-poll': { posts: 1, blobs: 3, isPublished: false },
  'manifest read': { posts: 1, blobs: 3, isPublished: false },
  'manifest recorded': { posts: 1, blobs: 3, isPublished: false },
  'mid-download': { posts: 1, blobs: 3, isPublished: false, fault: 'blob-stalled:1' },
  // All bytes of the second are on disk: only its name is missing.
  'blob recorded': { time: 2, posts: 1, blobs: 1, isPublished: false },
  'blob renamed': { time: 2, posts: 1, blobs: 1, isPublished: false },
  'package whole': { posts: 1, blobs: 0, isPublished: false },
  'mid-decode': { time: 2, posts: 1, blobs: 0, isPublished: false },
  staged: { posts: 1, blobs: 0, isPublished: false },
  'proof done': { posts: 1, blobs: 0, isPublished: false },
  'before commit': { posts: 1, blobs: 0, isPublished: false },
  'after commit': { posts: 1, blobs: 0, isPublished: true },
  'package unlisted': { posts: 2, blobs: 0, isPublished: true },
  'package removed': { posts: 2, blobs: 0, isPublished: true },
  'answers recorded': { posts: 2, blobs: 0, isPublished: true },
  'run recorded': { posts: 2, blobs: 0, isPublished: true },
  remembered: { posts: 2, blobs: 0, isPublished: true },
  'read copy made': { posts: 2, blobs: 0, isPublished: true },
  'read copy published': { posts: 2, blobs: 0, isPublished: true },
};

const SEEN =
  'select count(*), cast(sum(billing_pre_tax_total) as varchar), count(distinct _load_id) from csp.billed_usage';

/** What an undisturbed run makes of an empty destination, and of one with an older snapshot. */
interface Reference {
  readonly base: CrashSite;
  readonly before: unknown;
  readonly after: unknown;
  readonly files: string[];
  readonly content: string[];
  readonly contentOfFirst: string[];
  /** With the newer estimates of the open month, and the older invoice. */
  readonly contentOfMonth: string[];
}

/** Kills the built command at each step of a run into a destination, and runs it again. */
export function describeCrashes(engine: Dialect): void {
  let sandbox: Sandbox;
  let reference: Reference;
  beforeAll(async () => {
    sandbox = await crashSandbox();
    reference = await undisturbed(sandbox, engine);
  });
  afterAll(async () => {
    await reference.base.close();
    await sandbox.close();
  });

  it.each(stepsOf(engine).map((step) => [step, CASES[step]] as const))(
    'killed at "%s" is gone on with as if nothing had happened',
    async (step, { time, posts, blobs, isPublished, isFirst, fault }) => {
      const site = await CrashSite.open(sandbox, engine, isFirst ? undefined : reference.base);
      try {
        sandbox.clearRequests();
        sandbox.setFaults(fault === undefined ? [] : [fault]);
        const { signal, stderr } = await site.runStoppedAt({ step, time, signals: ['SIGKILL'] });
        expect(signal, stderr).toBe('SIGKILL');
        sandbox.setFaults([]);

        // What an analyst sees meanwhile is one snapshot, whole.
        if (!isFirst) {
          expect(await site.query(SEEN)).toEqual(isPublished ? reference.after : reference.before);
          if (engine === 'duckdb') {
            const isCopied = step === 'read copy published';
            expect(await site.queryReadCopy(SEEN)).toEqual(isCopied ? reference.after : reference.before);
          }
        }
        const read = countOf(sandbox, 'blob');

        const summary = await site.sync();
        expect(summary.warnings).toEqual([]);
        expect(outcomeOf(summary)).toEqual([0, isPublished ? 'unchanged' : 'published']);
        expect(countOf(sandbox, 'export')).toBe(posts);
        const reads = sandbox.requests.filter(({ kind }) => kind === 'blob').slice(read);
        expect(reads).toHaveLength(blobs);
        // What is on disk of a blob is not read again either.
        if (step === 'mid-download') expect(reads[0]?.status).toBe(206);
        expect(await contentOf((sql) => site.query(sql))).toEqual(
          isFirst ? reference.contentOfFirst : reference.content,
        );
        await expectNothingLeft(site, reference);
      } finally {
        await site.close();
      }
    },
  );

  it.each(['mid-decode', 'before commit', 'after commit'] as const)(
    'killed at "%s" of an open month is gone on with as if nothing had happened',
    async (step) => {
      const site = await CrashSite.open(sandbox, engine, reference.base);
      try {
        sandbox.clearRequests();
        const { signal, stderr } = await site.runStoppedAt({ step, signals: ['SIGKILL'] }, MONTH.stream);
        expect(signal, stderr).toBe('SIGKILL');
        const read = countOf(sandbox, 'blob');
        const outcome = step === 'after commit' ? 'unchanged' : 'published';
        expect(outcomeOf(await site.sync(MONTH.stream), '2026-11-USD')).toEqual([0, outcome]);
        expect([countOf(sandbox, 'export'), countOf(sandbox, 'blob') - read]).toEqual([1, 0]);
        expect(await contentOf((sql) => site.query(sql))).toEqual(reference.contentOfMonth);
        await expectNothingLeft(site, reference);
      } finally {
        await site.close();
      }
    },
  );
}

/** The exit code of a run, and what became of a scope. */
function outcomeOf({ exitCode, scopes }: RunSummary, of: string = INVOICE.invoice): unknown[] {
  return [exitCode, scopes.find(({ scope }) => scope === of)?.outcome];
}

/** Nothing is in either database or on disk that an undisturbed run would not have left there. */
async function expectNothingLeft(site: CrashSite, { files }: Reference): Promise<void> {
  expect(await site.packages()).toEqual([]);
  // A half migrated file holds something, so it is copied before the rest is migrated.
  const found = (await site.files()).filter((name) => !/\.before-\d+-\w+\.bak$/.test(name));
  expect(found).toEqual(files);
  expect(await site.leftInDatabase()).toEqual([]);
  // A third run could begin at once.
  await expect(site.takeLock()).resolves.toBeUndefined();
}

async function undisturbed(sandbox: Sandbox, engine: Dialect): Promise<Reference> {
  const base = await CrashSite.open(sandbox, engine);
  await base.sync('unbilled_usage');
  await base.sync();
  const before = await base.query(SEEN);
  sandbox.restate(INVOICE, { changed: 3, removed: 2, added: 4 });
  sandbox.restate(MONTH, { changed: 3, removed: 2, added: 4 });
  const first = await CrashSite.open(sandbox, engine);
  const next = await CrashSite.open(sandbox, engine, base);
  const month = await CrashSite.open(sandbox, engine, base);
  try {
    await month.sync(MONTH.stream);
    await first.sync();
    await next.sync();
    const query = (sql: string) => next.query(sql);
    return {
      base,
      before,
      after: await next.query(SEEN),
      files: await next.files(),
      content: await contentOf(query),
      contentOfFirst: await contentOf((sql) => first.query(sql)),
      contentOfMonth: await contentOf((sql) => month.query(sql)),
    };
  } finally {
    await first.close();
    await next.close();
    await month.close();
  }
}

function stepsOf(engine: Dialect): RunStep[] {
  return (Object.keys(CASES) as RunStep[]).filter((step) => {
    const { only } = RUN_STEPS[step] as { readonly only?: string };
    return only === undefined || only === engine;
  });
}
