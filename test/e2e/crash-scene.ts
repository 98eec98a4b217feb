import { copyFile, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock, type Clock } from '../../connector/clock.js';
import { loadConfig } from '../../connector/config.js';
import type { Dialect } from '../../connector/load/destination.js';
import { openDestination } from '../../connector/load/open-destination.js';
import { Spool, type LoadPackage } from '../../connector/load-package.js';
import type { RunSummary } from '../../connector/run-summary.js';
import { startSandbox, type RequestRecord, type Sandbox } from '../../connector/sandbox/sandbox.js';
import { EVERYTHING } from '../../connector/selection.js';
import { runSync } from '../../connector/sync.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import type { StreamName } from '../../schemas/streams.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { runStoppedAt, type StopAt, type Stopped } from '../stopped-at-step.js';
import { leftInPostgres } from './left-in-postgres.js';

/** The invoice of the sandbox, and what an export of it is made of. */
export const INVOICE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
export const BLOBS = 3;
/** The open month of its estimates. */
export const MONTH = { stream: 'unbilled_usage', month: '2026-11', currency: 'USD' } as const;
const TODAY = new Date('2026-11-23T12:00:00Z');
const HOUR_MS = 3_600_000;

/** What a test sees of a run, and how it stops one. */
interface WatchedRun {
  readonly report?: (event: ProgressEvent) => void;
  readonly signal?: AbortSignal;
}

type Row = readonly (string | null)[];

/** A small sandbox whose clock stands still; one for all cases. */
export async function crashSandbox(): Promise<Sandbox> {
  return await startSandbox({
    usageRows: 60,
    reconciliationRows: 20,
    blobs: BLOBS,
    pollsUntilDone: 1,
    retryAfterSeconds: 0,
    now: () => TODAY,
    invoices: [{ id: INVOICE.invoice, month: '2026-10', currency: 'USD' }],
  });
}

/** One user's site: a folder with a configuration, a spool and a destination of its own. */
export class CrashSite {
  #runs = 0;

  private constructor(
    readonly sandbox: Sandbox,
    readonly engine: Dialect,
    readonly folder: string,
    private readonly database: TestDatabase | null,
  ) {}

  /** A site with an empty destination, or with what another one, at rest, holds: also in its spool beside a DuckDB file. */
  static async open(sandbox: Sandbox, engine: Dialect, original?: CrashSite): Promise<CrashSite> {
    const folder = await mkdtemp(join(tmpdir(), 'partner-billing-crash-'));
    const database = engine === 'postgres' ? await createTestDatabase(original?.database ?? undefined) : null;
    const site = new CrashSite(sandbox, engine, folder, database);
    if (engine === 'duckdb' && original !== undefined) {
      for (const name of ['billing.duckdb', 'read.duckdb'])
        await copyFile(join(original.folder, name), join(folder, name));
      await cp(join(original.folder, 'spool'), join(folder, 'spool'), { recursive: true });
    }
    await site.configure({});
    if (original !== undefined) site.#runs = original.#runs;
    return site;
  }

  /** Writes the configuration anew, with other settings. */
  async configure(settings: Record<string, unknown>): Promise<void> {
    const destination =
      this.database === null
        ? { type: 'duckdb', path: './billing.duckdb', read_copy: './read.duckdb' }
        : { type: 'postgres', url: this.database.url };
    const text = this.sandbox.configuration({
      destination,
      streams: {
        billed_usage: { invoices: 'discover' },
        billed_reconciliation: null,
        unbilled_usage: { periods: ['current'], currencies: ['USD'] },
        unbilled_reconciliation: null,
      },
      recheck: { nightly_until_day: 60, weekly_until_day: 90 },
      // One blob after the other, so that it is known which ones are whole.
      limits: { concurrent_blobs: 1 },
      ...settings,
    });
    await writeFile(this.#configPath, text);
  }

  /** Runs the built command on one stream and stops it at a step. */
  async runStoppedAt(at: StopAt, stream: StreamName = INVOICE.stream): Promise<Stopped> {
    const argv = ['sync', '--config', this.#configPath, '--stream', stream, '--log-level', 'warn'];
    return await runStoppedAt(at, this.#nextNow(), argv);
  }

  /** Runs the main job on one stream, an hour after the run before. */
  async sync(stream: StreamName = INVOICE.stream, watched: WatchedRun = {}): Promise<RunSummary> {
    const { summary } = await runSync({
      loaded: await this.#loaded(),
      selection: { ...EVERYTHING, streams: [stream] },
      report: watched.report ?? (() => undefined),
      clock: clockFrom(this.#nextNow()),
      signal: watched.signal ?? new AbortController().signal,
      connectorVersion: '0.0.0-test',
    });
    return summary;
  }

  /** Runs one statement as a reader does; every value as text. */
  async query(sql: string): Promise<Row[]> {
    const { config, resolve } = await this.#loaded();
    const quiet = { path: resolve, report: () => undefined, clock: systemClock };
    const opened = await openDestination(config, quiet);
    try {
      return await opened.query(sql, async (result) => {
        const rows: Row[] = [];
        for await (const row of result.rows()) rows.push(row);
        return rows;
      });
    } finally {
      await opened.close();
    }
  }

  /** Runs one statement on the read copy, as an analyst does. */
  async queryReadCopy(sql: string): Promise<unknown> {
    const path = join(this.folder, 'read.duckdb');
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowsJson();
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  /** Takes the lock that a run takes, and gives it back. @throws LockedError when somebody has it */
  async takeLock(): Promise<void> {
    const { config, resolve } = await this.#loaded();
    const quiet = { path: resolve, report: () => undefined, clock: systemClock };
    const opened = await openDestination(config, quiet);
    try {
      const holder = { runId: 'third', host: 'here', pid: process.pid, since: TODAY.toISOString() };
      await (await opened.lockRun(holder)).release();
    } finally {
      await opened.close();
    }
  }

  /** Packages in the spool. */
  async packages(): Promise<LoadPackage[]> {
    const { config, resolve } = await this.#loaded();
    const { tenant_id: tenantId } = config.source;
    return await (await Spool.open(resolve(config.spool), tenantId, config.destination.dataset)).list();
  }

  /** Names of all files of the site, the run's own ids left out. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.folder.length + 1))
      .sort();
  }

  /** Of Postgres, as a superuser. */
  get databaseUrl(): string {
    return this.database?.url ?? '';
  }

  /** Sessions and locks of the connector in the database, staging tables, prepared transactions; empty at rest. */
  async leftInDatabase(): Promise<string[]> {
    if (this.database === null) return [];
    return await leftInPostgres(this.database.url);
  }

  async close(): Promise<void> {
    await this.database?.drop();
    await rm(this.folder, { recursive: true, force: true });
  }

  #nextNow(): Date {
    this.#runs += 1;
    return new Date(TODAY.getTime() + this.#runs * HOUR_MS);
  }

  async #loaded() {
    return await loadConfig({ path: this.#configPath, env: {}, cwd: this.folder });
  }

  get #configPath(): string {
    return join(this.folder, 'connector.yaml');
  }
}

/** How many requests of a kind a sandbox was sent. */
export function countOf(sandbox: Sandbox, kind: RequestRecord['kind']): number {
  return sandbox.requests.filter((request) => request.kind === kind).length;
}

/** Waits take next to no time; every look is a millisecond later, so that ids and instants sort as things happened. */
function clockFrom(start: Date): Clock {
  let looks = 0;
  return {
    now: () => new Date(start.getTime() + (looks += 1)),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal),
  };
}
