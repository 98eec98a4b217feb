import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dialect } from '../../connector/load/destination.js';
import {
  Interruption,
  INTERRUPTION_EXIT_CODES,
  type InterruptionSignal,
} from '../../connector/interruption.js';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import type { RunStep } from '../../schemas/run-steps.js';
import { holdInAnotherProcess } from '../duckdb-process.js';
import { countOf, crashSandbox, CrashSite, INVOICE } from './crash-scene.js';
import { contentOf } from './dataset-content.js';

/** What a person may wait for before the patience is gone, and what a container is given. */
const TEN_SECONDS = 10_000;
const GOES_ON = 'nothing is lost: the same command goes on from here';

interface Reference {
  readonly base: CrashSite;
  readonly content: string[];
  readonly files: string[];
}

let sandbox: Sandbox;
const references = new Map<Dialect, Reference>();
beforeAll(async () => {
  sandbox = await crashSandbox();
  const bases = new Map<Dialect, CrashSite>();
  for (const engine of ['duckdb', 'postgres'] as const) {
    const base = await CrashSite.open(sandbox, engine);
    await base.sync();
    bases.set(engine, base);
  }
  sandbox.restate(INVOICE, { changed: 3, removed: 2, added: 4 });
  for (const [engine, base] of bases) {
    const undisturbed = await CrashSite.open(sandbox, engine, base);
    await undisturbed.sync();
    const content = await contentOf((sql) => undisturbed.query(sql));
    references.set(engine, { base, content, files: await undisturbed.files() });
    await undisturbed.close();
  }
});
afterAll(async () => {
  for (const { base } of references.values()) await base.close();
  await sandbox.close();
});

function referenceOf(engine: Dialect): Reference {
  const reference = references.get(engine);
  if (reference === undefined) throw new Error(`no reference for ${engine}`);
  return reference;
}

/** The next run does what was left, and nothing twice. */
async function expectGoneOn(site: CrashSite, posts: number, blobs: number): Promise<void> {
  const { content, files } = referenceOf(site.engine);
  const read = countOf(sandbox, 'blob');
  const summary = await site.sync();
  expect(summary.scopes.find(({ scope }) => scope === INVOICE.invoice)).toMatchObject({ exitCode: 0 });
  expect([countOf(sandbox, 'export'), countOf(sandbox, 'blob') - read]).toEqual([posts, blobs]);
  expect(await contentOf((sql) => site.query(sql))).toEqual(content);
  expect(await site.packages()).toEqual([]);
  expect(await site.files()).toEqual(files);
  expect(await site.leftInDatabase()).toEqual([]);
}

describe('a run that a person or a container stops', () => {
  it.each<[InterruptionSignal, string, RunStep, Dialect, number]>([
    ['SIGINT', 'while it reads the invoice list', 'invoice list read', 'duckdb', 3],
    ['SIGINT', 'while it polls', 'mid-poll', 'duckdb', 3],
    ['SIGTERM', 'while it polls', 'mid-poll', 'postgres', 3],
    ['SIGINT', 'in the middle of a blob', 'mid-download', 'postgres', 3],
    ['SIGTERM', 'in the middle of a blob', 'mid-download', 'duckdb', 3],
    ['SIGTERM', 'while a blob becomes whole', 'blob recorded', 'duckdb', 2],
    ['SIGINT', 'while it parses and stages', 'mid-decode', 'duckdb', 0],
    ['SIGTERM', 'while it parses and stages', 'mid-decode', 'postgres', 0],
  ])('by %s %s ends in good order and says how to go on (%s, %s)', async (name, _, step, engine, blobs) => {
    const site = await CrashSite.open(sandbox, engine, referenceOf(engine).base);
    try {
      sandbox.clearRequests();
      // Half a blob comes, and then nothing more: the download is there to be abandoned.
      sandbox.setFaults(step === 'mid-download' ? ['blob-stalled:1'] : []);
      const ended = await site.runStoppedAt({ step, signals: [name] });
      sandbox.setFaults([]);
      expect([ended.exitCode, ended.signal]).toEqual([INTERRUPTION_EXIT_CODES[name], null]);
      expect(ended.tookMs).toBeLessThan(TEN_SECONDS);
      expect(ended.stderr).toContain('told to stop: ending in good order; once more to end at once');
      expect(ended.stderr).toContain(`stopped by ${name}; ${GOES_ON}`);
      expect(ended.stderr).not.toContain('not ended in good order');
      await expectGoneOn(site, 1, blobs);
    } finally {
      await site.close();
    }
  });

  it('after its data is committed has published it', async () => {
    const site = await CrashSite.open(sandbox, 'postgres', referenceOf('postgres').base);
    try {
      sandbox.clearRequests();
      const ended = await site.runStoppedAt({ step: 'before commit', signals: ['SIGTERM'] });
      expect(ended.exitCode).toBe(143);
      // Nothing was left to do; the next run only asks whether anything changed.
      expect(await site.packages()).toEqual([]);
      await expectGoneOn(site, 2, 0);
    } finally {
      await site.close();
    }
  });

  it('while it waits for a file that somebody holds does not wait any longer', async () => {
    const site = await CrashSite.open(sandbox, 'duckdb', referenceOf('duckdb').base);
    // The spool remembers what is recorded, so that a run can plan while the file is held.
    await site.sync('unbilled_usage');
    const holder = await holdInAnotherProcess(`${site.folder}/billing.duckdb`);
    try {
      sandbox.clearRequests();
      const stop = new AbortController();
      const summary = await site.sync(INVOICE.stream, {
        signal: stop.signal,
        report: ({ event }) => {
          if (event === 'load.waiting') stop.abort(new Interruption('SIGINT'));
        },
      });
      const scope = summary.scopes.find((one) => one.scope === INVOICE.invoice);
      expect(scope).toMatchObject({ exitCode: 3, error: { message: 'interrupted before it was finished' } });
      expect(scope?.error?.hint).toBe('run the same command again: it goes on where this one stopped');
      const [left] = await site.packages();
      expect(await left?.isWhole()).toBe(true);
    } finally {
      await holder.kill();
      await site.close();
    }
  });
});

describe('a run that cannot end in good order: an analyst locks the table that it publishes into', () => {
  let site: CrashSite;
  let analyst: pg.Client;

  async function stopWhileLocked(at: { signals: InterruptionSignal[]; graceMs?: number }) {
    site = await CrashSite.open(sandbox, 'postgres', referenceOf('postgres').base);
    analyst = new pg.Client({ connectionString: site.databaseUrl });
    await analyst.connect();
    await analyst.query('BEGIN; LOCK TABLE csp._snapshots IN SHARE MODE');
    sandbox.clearRequests();
    return await site.runStoppedAt({ step: 'proof done', ...at });
  }

  async function goneOn(): Promise<void> {
    await analyst.end();
    await expectGoneOn(site, 1, 0);
    await site.close();
  }

  it('is ended before the ten seconds are over, and nothing is lost', async () => {
    const ended = await stopWhileLocked({ signals: ['SIGTERM'], graceMs: 500 });
    expect([ended.exitCode, ended.signal]).toEqual([143, null]);
    expect(ended.stderr).toContain(
      `not ended in good order after 9 s: ended; stopped by SIGTERM; ${GOES_ON}`,
    );
    await goneOn();
  });

  it('is ended at once by a second SIGINT, and nothing is lost', async () => {
    const ended = await stopWhileLocked({ signals: ['SIGINT', 'SIGINT'], graceMs: 3_600_000 });
    expect([ended.exitCode, ended.signal]).toEqual([130, null]);
    expect(ended.stderr).not.toContain('not ended in good order');
    await goneOn();
  });
});
