import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '../connector/clock.js';
import type { Destination, Dialect } from '../connector/load/destination.js';
import { createDuckdbDestination } from '../connector/load/duckdb/destination.js';
import type { ParsedPart } from '../schemas/batch.js';
import type { Scope } from '../schemas/scope.js';
import { STREAMS } from '../schemas/streams.js';
import { parseBlob } from '../transforms/parse-blob.js';
import { byHand, destinationOn } from './connector/load/postgres/server.js';
import { createTestDatabase } from './postgres-server.js';
import type { Snapshot } from './snapshot.js';

const FOLDER = fileURLToPath(new URL('fixtures/releases/', import.meta.url));

/** The invoices of every fixture (make-fixture.mjs). */
export const FIXTURE_INVOICES = {
  /** Published on 2026-10-08, again with other data on 2026-10-14. */
  restated: 'G016900001',
  /** What came of its usage was refused; its lines were never asked for. */
  refused: 'G016900002',
  noData: 'G016900003',
  /** Published, with a rejected record. */
  rejected: 'G016900004',
} as const;

/** A database as a release left it. */
export interface ReleaseDatabase {
  /** Today's connector on it. */
  readonly destination: Destination;
  /** The destination's part of a configuration. */
  readonly configured: Readonly<Record<string, unknown>>;
  /** Runs a statement by hand, as a user does beside the connector. */
  byHand(sql: string): Promise<void>;
  /** Runs a query and returns its rows, every value as text. */
  rows(sql: string): Promise<(string | null)[][]>;
  close(): Promise<void>;
}

/** Releases that have a fixture, oldest first. */
export function releaseFixtures(): readonly string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort(compareVersions);
}

/** Negative where `a` is the older version. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** A fresh copy of the database that a release left. */
export async function openRelease(release: string, dialect: Dialect): Promise<ReleaseDatabase> {
  return dialect === 'duckdb' ? openDuckdb(release) : await openPostgres(release);
}

/** What Graph last answered for a published scope of the fixture, parsed by today's code. */
export async function fixtureSnapshot(release: string, scope: Scope): Promise<Snapshot> {
  const { table } = STREAMS[scope.stream];
  const name = scope.by === 'invoice' ? scope.invoice : `${scope.month}-${scope.currency}`;
  const folder = join(FOLDER, release, 'blobs', scope.stream, name);
  const parts: ParsedPart[] = [];
  const blobs: { name: string; bytes: number; sha256: string }[] = [];
  for (const blob of readdirSync(folder).sort()) {
    for await (const part of parseBlob(createReadStream(join(folder, blob)), blob, table)) {
      parts.push(part);
      if (part.kind !== 'counts') continue;
      blobs.push({ name: blob, bytes: part.counts.bytes, sha256: part.counts.sha256 });
    }
  }
  return {
    blobs,
    parts: async function* () {
      for (const part of parts) yield await Promise.resolve(part);
    },
  };
}

function openDuckdb(release: string): ReleaseDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'release-'));
  const path = join(folder, 'billing.duckdb');
  writeFileSync(path, gunzipSync(readFileSync(join(FOLDER, release, 'billing.duckdb.gz'))));
  const destination = createDuckdbDestination(
    { type: 'duckdb', path, dataset: 'csp', migrate: 'auto', memory_limit: 512 * 1024 ** 2, threads: 2 },
    {
      path: (relative) => relative,
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 5000,
      connectorVersion: '0.0.0-test',
    },
  );
  return opened(destination, {
    configured: { type: 'duckdb', path },
    byHand: async (sql) => {
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      try {
        await connection.run(sql);
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

async function openPostgres(release: string): Promise<ReleaseDatabase> {
  const database = await createTestDatabase();
  const dump = readFileSync(join(FOLDER, release, 'postgres.sql'), 'utf8');
  await byHand(database.url, (client) => client.query(dump));
  return opened(destinationOn(database.url), {
    configured: { type: 'postgres', url: database.url },
    byHand: (sql) => byHand(database.url, async (client) => void (await client.query(sql))),
    remove: () => database.drop(),
  });
}

function opened(
  destination: Destination,
  { remove, ...own }: Pick<ReleaseDatabase, 'configured' | 'byHand'> & { remove: () => Promise<void> },
): ReleaseDatabase {
  return {
    destination,
    ...own,
    rows: (sql) =>
      destination.query(sql, async (result) => {
        const rows: (string | null)[][] = [];
        for await (const row of result.rows()) rows.push([...row]);
        return rows;
      }),
    close: async () => {
      await destination.close();
      await remove();
    },
  };
}
