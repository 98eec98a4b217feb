import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { scopeLabel } from '../schemas/scope.js';
import { exists, readRecord, syncFolder, writeDurably } from './durable-file.js';
import type {
  DestinationSession,
  NextCheck,
  RecordedState,
  RunRecord,
  ScopeAnswer,
} from './load/destination.js';
import type { InvoiceListReading } from './load/invoice-list-reading.js';
import { deferredWritesSchema } from './remembered-schema.js';

/** The file in the dataset's folder of the spool. */
const FILE = 'unrecorded.json';

/** What one run found out and could not record, because somebody held the destination. Written in this order. */
export interface DeferredWrites {
  /** When the run gave up recording it; ISO 8601, UTC. */
  readonly at: string;
  readonly readings: readonly InvoiceListReading[];
  /** At most one for each scope. */
  readonly answers: readonly ScopeAnswer[];
  readonly nextChecks: readonly NextCheck[];
  readonly runs: readonly RunRecord[];
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  entries: z.array(z.strictObject({ destination: z.string(), writes: deferredWritesSchema })),
});

interface Entry {
  readonly destination: string;
  readonly writes: DeferredWrites;
}

/** What waits to be recorded. */
export interface PendingWrites {
  /** By run, the oldest first. */
  readonly writes: readonly DeferredWrites[];
  /** Why what is there cannot be used; null where nothing is wrong. It is kept, and asked for anew. */
  readonly problem: string | null;
}

/**
 * Adds what a run could not record to what waits already; durable when it resolves. A file that cannot be used is
 * moved aside, to `unrecorded.json.unusable`.
 * @param folder the dataset's folder of the spool (`Spool.root`)
 * @param destination the destination's label: what is deferred for one is never written to another
 */
export async function deferWrites(
  folder: string,
  destination: string,
  writes: DeferredWrites,
): Promise<void> {
  const path = join(folder, FILE);
  const entries = await read(path);
  if (entries === null) await rename(path, `${path}.unusable`);
  await write(path, [...(entries ?? []), { destination, writes }]);
}

/** What waits to be recorded in a destination; see {@link deferWrites} for the parameters. */
export async function pendingWrites(folder: string, destination: string): Promise<PendingWrites> {
  const path = join(folder, FILE);
  const entries = await read(path);
  if (entries === null) {
    return { writes: [], problem: `${path} is torn, or another version of the connector wrote it` };
  }
  const own = entries.filter((entry) => entry.destination === destination);
  return { writes: own.map(({ writes }) => writes), problem: null };
}

/**
 * Records what waited, the oldest run first, and forgets each run as soon as it is recorded. What the destination has
 * newer knowledge of is left out, so that a run which is recorded twice, after a crash in between, changes nothing.
 * Returns how many runs' writes were recorded; what cannot be read stays.
 * @param session open for writing, of that destination
 * @throws ConfigError when a reading is of another tenant than the dataset
 */
export async function recordPending(
  folder: string,
  destination: string,
  session: DestinationSession,
): Promise<number> {
  const { writes } = await pendingWrites(folder, destination);
  for (const entry of writes) {
    const { readings, answers, nextChecks, runs } = notOvertaken(await session.readState(), entry);
    for (const reading of readings) await session.recordInvoiceList(reading);
    await session.recordAnswers(answers);
    await session.recordNextChecks(nextChecks);
    for (const run of runs) await session.recordRun(run);
    await forgetOldest(join(folder, FILE), destination);
  }
  return writes.length;
}

/**
 * What of deferred writes is not older than what is recorded: readings of the list after the last one recorded, answers
 * and next checks of scopes that were not asked for since. Pure.
 */
export function notOvertaken(state: RecordedState, writes: DeferredWrites): DeferredWrites {
  const asked = new Map(state.scopes.map((one) => [scopeLabel(one.scope), one.lastAskedAt]));
  const isAskedAfter = (one: ScopeAnswer | NextCheck, instant: string): boolean => {
    const last = asked.get(scopeLabel(one.scope)) ?? null;
    return last !== null && Date.parse(last) > Date.parse(instant);
  };
  const { invoiceListReadAt } = state;
  return {
    ...writes,
    readings: writes.readings.filter(
      ({ readAt }) => invoiceListReadAt === null || readAt.getTime() > Date.parse(invoiceListReadAt),
    ),
    answers: writes.answers.filter((answer) => !isAskedAfter(answer, answer.askedAt)),
    nextChecks: writes.nextChecks.filter((check) => !isAskedAfter(check, writes.at)),
  };
}

async function forgetOldest(path: string, destination: string): Promise<void> {
  const entries = (await read(path)) ?? [];
  const oldest = entries.findIndex((entry) => entry.destination === destination);
  const left = entries.filter((_, index) => index !== oldest);
  if (left.length > 0) return await write(path, left);
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

async function read(path: string): Promise<readonly Entry[] | null> {
  if (!(await exists(path))) return [];
  return (await readRecord(path, fileSchema))?.entries ?? null;
}

async function write(path: string, entries: readonly Entry[]): Promise<void> {
  await writeDurably(path, `${JSON.stringify({ version: 1, entries })}\n`);
}
