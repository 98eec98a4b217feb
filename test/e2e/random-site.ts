import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Dialect } from '../../connector/load/destination.js';
import type { ScopeName } from '../../connector/sandbox/data-scope.js';
import { startSandbox, type FaultSetting, type Sandbox } from '../../connector/sandbox/sandbox.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { runDisturbed, type CommandEnd, type Stop } from './disturbed-command.js';
import { expectedRows } from './expected-rows.js';
import { readDuckdb, readPostgres, TABLES, type PlainReader } from './held-rows.js';
import type { Choices } from './random-choices.js';
import { isPublishable, type SpoolDamage } from './random-disturbance.js';
import type { ReaderSource } from './totals-reader.js';

/** What the service has, and both destinations must hold. */
export const SCOPES: readonly ScopeName[] = [
  { stream: 'billed_usage', invoice: 'G016907411' },
  { stream: 'billed_reconciliation', invoice: 'G016907411' },
  { stream: 'unbilled_usage', month: '2026-11', currency: 'USD' },
  { stream: 'unbilled_reconciliation', month: '2026-11', currency: 'EUR' },
];
const STREAMS = {
  billed_usage: { invoices: 'discover' },
  billed_reconciliation: { invoices: ['G016907411'] },
  unbilled_usage: { periods: ['current'], currencies: ['USD'] },
  unbilled_reconciliation: { periods: ['current'], currencies: ['EUR'] },
};
/** The morning on which the service and every run begin; their clocks then go on like the machine's. */
const MORNING = Date.parse('2026-11-23T08:00:00Z');

/** What a scope held at an eTag. */
export interface Version {
  readonly eTag: string;
  readonly rows: number;
  readonly sum: string;
}

const PUBLISHED = `SELECT s.stream || ' ' || s.scope || ' ' || n.etag
  FROM csp._scopes s JOIN csp._snapshots n ON n.load_id = s.load_id`;

/** A scope as it is printed: `billed_usage G016907411`. */
export function labelOf({ stream, invoice, month = '', currency = '' }: ScopeName): string {
  return `${stream} ${invoice ?? `${month}-${currency}`}`;
}

/** A user's site with a service of its own: same data, other faults than the other site's. */
export class RandomSite {
  /** By scope every version that may have been published, in their order: the model of what a reader may see. */
  readonly versions = new Map<string, Version[]>(SCOPES.map((scope) => [labelOf(scope), []]));

  /** The tables that an undisturbed migration makes, as text. */
  tables = '';

  private constructor(
    readonly engine: Dialect,
    readonly sandbox: Sandbox,
    readonly folder: string,
    readonly database: TestDatabase | null,
    private readonly aheadMs: number,
  ) {}

  /** A site with an empty destination that has its tables. */
  static async open(engine: Dialect, seed: number): Promise<RandomSite> {
    const aheadMs = MORNING - Date.now();
    const sandbox = await startSandbox({
      seed,
      usageRows: 60,
      reconciliationRows: 70,
      blobs: 2,
      pollsUntilDone: 1,
      retryAfterSeconds: 0,
      invoices: [{ id: 'G016907411', month: '2026-10', currency: 'USD' }],
      currencies: ['USD', 'EUR'],
      now: () => new Date(Date.now() + aheadMs),
    });
    const folder = await mkdtemp(join(tmpdir(), 'partner-billing-random-'));
    const database = engine === 'postgres' ? await createTestDatabase() : null;
    const site = new RandomSite(engine, sandbox, folder, database, aheadMs);
    const destination =
      database === null
        ? { type: 'duckdb', path: './billing.duckdb', read_copy: './read.duckdb', threads: 1 }
        : { type: 'postgres', url: database.url };
    const settings = {
      destination,
      streams: STREAMS,
      archive: './archive',
      recheck: { nightly_until_day: 60, weekly_until_day: 90 },
      // Usage and lines that agree would be asked for once a week only: with no fraction of a cent allowed they never do.
      tolerance: { usage_vs_invoice: { default: { per_unit: '0' } } },
      // Every wait ends at once though it counts, so a day is a few seconds.
      lock_wait: '24h',
      limits: { poll_deadline: '5m' },
    };
    await writeFile(site.configPath, sandbox.configuration(settings));
    return site;
  }

  get configPath(): string {
    return join(this.folder, 'connector.yaml');
  }

  /** Of Postgres; empty for a DuckDB file. */
  get databaseUrl(): string {
    return this.database?.url ?? '';
  }

  get file(): string {
    return join(this.folder, 'billing.duckdb');
  }

  get readCopy(): string {
    return join(this.folder, 'read.duckdb');
  }

  /** Makes the tables, which are then all that there may ever be. */
  async migrate(): Promise<void> {
    const { exitCode, err } = await this.run(['migrate']);
    if (exitCode !== 0) throw new Error(`migrate ended with ${exitCode ?? ''}: ${err}`);
    const reader = await (this.database === null ? readDuckdb(this.file) : readPostgres(this.databaseUrl));
    this.tables = (await reader.rows(TABLES)).flat().join();
    await reader.close();
  }

  /** Runs a command line of the built connector, to its end or to where it is stopped. */
  async run(command: readonly string[], stop: Stop | null = null): Promise<CommandEnd> {
    const [verb = '', ...rest] = command;
    return await runDisturbed(
      [verb, '--config', this.configPath, '--log-level', 'warn', ...rest],
      this.aheadMs,
      stop,
    );
  }

  /** Ends the sessions that the connector has with its destination after a while. */
  async cutSessions(afterMs: number): Promise<void> {
    if (this.database === null) return;
    await wait(afterMs);
    const client = new pg.Client({ connectionString: this.database.url });
    await client.connect();
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'partner-billing%'`);
    await client.end();
  }

  /** Switches faults and notes what the service has from now on. */
  async setFaults(faults: readonly FaultSetting[]): Promise<void> {
    this.sandbox.setFaults(faults);
    await this.noteVersions(faults);
  }

  /** Adds the present data of every scope, with the faults that are on, to what may be published of it. */
  async noteVersions(faults: readonly FaultSetting[] = []): Promise<void> {
    for (const scope of SCOPES) {
      if (!isPublishable(faults, scope.invoice === undefined ? 'month' : 'invoice')) continue;
      const known = this.versions.get(labelOf(scope)) ?? [];
      const { eTag } = this.sandbox.expected(scope);
      if (known.at(-1)?.eTag === eTag) continue;
      const { lines, sum } = await expectedRows(this.sandbox, scope);
      known.push({ eTag, rows: lines.length, sum });
    }
  }

  /** Damages what lies in the spool; false where there is nothing to damage. */
  async damageSpool(damage: SpoolDamage, choices: Choices): Promise<boolean> {
    const spool = join(this.folder, 'spool');
    if (damage === 'no spool') {
      await rm(spool, { recursive: true, force: true });
      return true;
    }
    const entries = await readdir(spool, { recursive: true, withFileTypes: true }).catch(() => []);
    const blobs = entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json.gz'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort();
    if (blobs.length === 0) return false;
    const blob = choices.one(blobs);
    const bytes = await readFile(blob);
    const place = choices.number(0, bytes.length - 1);
    if (damage === 'a blob cut short') await truncate(blob, place);
    else await writeFile(blob, bytes.with(place, (bytes[place] ?? 0) ^ 0x10));
    return true;
  }

  /** Whether the published snapshot of every scope is what the service has now. */
  async isCurrent(): Promise<boolean> {
    const wanted = SCOPES.map((scope) => `${labelOf(scope)} ${this.sandbox.expected(scope).eTag}`).sort();
    const found = await this.read((reader) => reader.rows(PUBLISHED));
    return [...found.values()].every((rows) => rows.flat().sort().join() === wanted.join());
  }

  /** What a stranger finds in the destination, and for DuckDB in its read copy too, by their names. */
  async read<T>(look: (reader: PlainReader) => Promise<T>): Promise<Map<ReaderSource, T>> {
    const openings: readonly (readonly [ReaderSource, () => Promise<PlainReader>])[] =
      this.database === null
        ? [
            ['duckdb', () => readDuckdb(this.file)],
            ['read copy', () => readDuckdb(this.readCopy)],
          ]
        : [['postgres', () => readPostgres(this.databaseUrl)]];
    const found = new Map<ReaderSource, T>();
    for (const [source, open] of openings) {
      const reader = await open();
      found.set(source, await look(reader).finally(() => reader.close()));
    }
    return found;
  }

  /**
   * Load packages that no run has done with, by folder. Of what was refused the newest of each scope stays for a person to
   * look at.
   */
  async packages(): Promise<string[]> {
    const spool = join(this.folder, 'spool');
    const names = await readdir(spool, { recursive: true }).catch(() => []);
    const of = (file: string) => names.filter((name) => basename(name) === file).map((name) => dirname(name));
    const refused = of('refused.json');
    const isExtra = (folder: string) =>
      refused.some((other) => other > folder && dirname(other) === dirname(folder));
    return of('export.json').filter((folder) => !refused.includes(folder) || isExtra(folder));
  }

  async close(): Promise<void> {
    await this.sandbox.close();
    await this.database?.drop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
