import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, type InputType } from 'node:zlib';
import type { Clock } from '../../connector/clock.js';
import { pendingWrites } from '../../connector/deferred-writes.js';
import type {
  Destination,
  DestinationSession,
  RecordedState,
  RunRecord,
  ScopeAnswer,
} from '../../connector/load/destination.js';
import { createDuckdbDestination } from '../../connector/load/duckdb/destination.js';
import type { InvoiceListReading } from '../../connector/load/invoice-list-reading.js';
import { RunDataset, type RunDatasetOptions, type RunEnd } from '../../connector/run-dataset.js';
import { openMemory } from '../../connector/run-memory.js';
import { scopeText } from '../../schemas/scope.js';
import { STREAMS } from '../../schemas/streams.js';
import { INVOICE } from '../contract/dataset.js';
import { holdInAnotherProcess, type DuckdbProcess } from '../duckdb-process.js';
import { publishRequest, snapshotOf, TENANT, usageRecord } from '../snapshot.js';
import { testClock } from './extract/scene.js';

export const LOCK_WAIT_MS = 5000;
const DAY = '2026-11-20';
const SECOND = { ...INVOICE, invoice: 'G000002' };

/** A DuckDB file with a published invoice, a spool beside it, and the programs that hold the file. */
export class DatasetScene {
  readonly clock = testClock(`${DAY}T05:00:00.000Z`);
  readonly #folder = mkdtempSync(join(tmpdir(), 'run-dataset-'));
  readonly main = join(this.#folder, 'billing.duckdb');
  readonly spool = join(this.#folder, 'spool');
  readonly label = destinationOf(this.main, this.clock).label;
  readonly #holders: DuckdbProcess[] = [];

  constructor(private readonly template: string) {
    copyFileSync(template, this.main);
    mkdirSync(this.spool);
  }

  /** The file of a scene. */
  static async template(): Promise<string> {
    const path = join(mkdtempSync(join(tmpdir(), 'run-dataset-template-')), 'billing.duckdb');
    const session = await destinationOf(path, testClock()).open('write');
    await session.migrate();
    await load(session, 'l1');
    return path;
  }

  /** A run's view of the dataset. */
  run(changes: Partial<Pick<RunDatasetOptions, 'tenantId' | 'migrate' | 'tolerances'>> = {}): RunDataset {
    const { clock, spool, label } = this;
    const destination = destinationOf(this.main, clock);
    const memory = openMemory({ folder: spool, destination: label, clock, report: () => undefined });
    const view = {
      destination,
      memory,
      tenantId: TENANT,
      dataset: 'csp',
      migrate: 'auto',
      tolerances: [],
      clock,
    } as const;
    return new RunDataset({ ...view, ...changes });
  }

  /** The file as it is replaced by another, compressed. */
  replaceBy(file: InputType): void {
    writeFileSync(this.main, gunzipSync(file));
  }

  /** The file as it was at first. */
  restore(): void {
    copyFileSync(this.template, this.main);
  }

  /** There is no file. */
  remove(): void {
    rmSync(this.main);
  }

  async hold(mode: 'READ_ONLY' | 'READ_WRITE'): Promise<DuckdbProcess> {
    const holder = await holdInAnotherProcess(this.main, mode);
    this.#holders.push(holder);
    return holder;
  }

  async release(holder: DuckdbProcess): Promise<void> {
    this.#holders.splice(this.#holders.indexOf(holder), 1);
    await holder.end();
  }

  /** How many runs' writes wait in the spool. */
  async waiting(): Promise<number> {
    return (await pendingWrites(this.spool, this.label)).writes.length;
  }

  /** How long was waited for somebody, in milliseconds. */
  waited(): number {
    return this.clock.waits.reduce((sum, ms) => sum + ms, 0);
  }

  async query(sql: string): Promise<(string | null)[][]> {
    return await destinationOf(this.main, this.clock).query(sql, async (result) => {
      const rows: (string | null)[][] = [];
      for await (const row of result.rows()) rows.push([...row]);
      return rows;
    });
  }

  async close(): Promise<void> {
    for (const holder of this.#holders.splice(0)) await holder.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function destinationOf(path: string, clock: Clock): Destination {
  const config = { type: 'duckdb', path, dataset: 'csp', migrate: 'auto', threads: 1 } as const;
  const options = {
    report: () => undefined,
    clock,
    lockWaitMs: LOCK_WAIT_MS,
    connectorVersion: '0.0.0-test',
  };
  return createDuckdbDestination(
    { ...config, memory_limit: 128 * 1024 ** 2 },
    { ...options, path: (relative) => relative },
  );
}

/** One load as a run does it: publishes, and lets the file go. */
export async function load(session: DestinationSession, loadId: string): Promise<void> {
  try {
    const record = usageRecord({ Quantity: String(loadId.length) });
    const snapshot = await snapshotOf(STREAMS[INVOICE.stream].table, { 'part-1.json.gz': [record] });
    await session.publish(publishRequest(INVOICE, snapshot, { loadId, eTag: loadId }), snapshot.parts);
  } finally {
    await session.close();
  }
}

/** The end of a run that began at an hour of the day and was told that there is no data yet of `G000002`. */
export function endAt(at: string, changes: Partial<RunEnd> = {}): RunEnd {
  const run: RunRecord = {
    ...{ runId: `run-${at}`, startedAt: `${DAY}T${at}:00.000Z`, finishedAt: `${DAY}T${at}:30.000Z` },
    ...{ connectorVersion: '0.0.0-test', outcome: '1 pending', exitCode: 0, counts: '[]' },
  };
  const asked = { scope: SECOND, askedAt: `${DAY}T${at}:00.000Z`, answer: `asked at ${at}` };
  const answer: ScopeAnswer = { ...asked, state: 'pending', checked: true };
  return {
    answers: [answer],
    isWorthWaiting: false,
    runOf: () => run,
    nextChecks: () => [{ scope: SECOND, at: `${DAY}T${at}:30.000Z` }],
    ...changes,
  };
}

/** The invoice list as it was read at an hour of the day. */
export function listAt(at: string, invoices: readonly string[]): InvoiceListReading {
  return {
    ...{ tenantId: TENANT, runId: 'r', loadId: `list-${at}`, since: null, correlationId: null },
    readAt: new Date(`${DAY}T${at}:00.000Z`),
    invoices: invoices.map((invoice, index) => ({
      billingMonth: '2026-10',
      record: {
        values: { invoice_number: invoice, document_type: 'invoice', status: 'active', currency: 'USD' },
        extra: null,
        rowHash: `00000000-0000-0000-0000-00000000000${index + 1}`,
      },
    })),
  };
}

/** What is recorded of scopes, in short. */
export const answersIn = (state: RecordedState) =>
  state.scopes.map(({ scope, lastAnswer }) => [scopeText(scope), lastAnswer]);
