import { join } from 'node:path';
import { z } from 'zod';
import type { LoadedConfig } from './config.js';
import { readRecord, writeDurably } from './durable-file.js';
import { Spool } from './load-package.js';

const instant = z.iso.datetime();

const finishedRunSchema = z.strictObject({
  due: instant,
  startedAt: instant,
  finishedAt: instant,
  outcome: z.string(),
  exitCode: z.int(),
});

const stateSchema = z.strictObject({
  version: z.literal(1),
  cron: z.string(),
  timeZone: z.string(),
  handled: instant,
  running: z.strictObject({ startedAt: instant, starts: z.int().min(1) }).nullable(),
  lastRun: finishedRunSchema.nullable(),
  failuresInARow: z.int().min(0),
});

/** A run that ended: the due time that it was for, when it really began and ended, and how. ISO 8601 in UTC. */
export type FinishedRun = z.output<typeof finishedRunSchema>;

/**
 * What a schedule remembers. `handled` is the last due time that a run was started for, or at first the instant from
 * which on due times count. `running` says that this run has not ended, and how often it was begun: where a process
 * finds that at its start, the one before was cut off. `failuresInARow` counts the runs since the last exit code 0.
 * Cron and time zone are those that the due times are of.
 */
export type ScheduleState = z.output<typeof stateSchema>;

/** Where a schedule's state is kept. */
export interface ScheduleStore {
  /** What was written last; null where nothing, or nothing readable, is. */
  read(): Promise<ScheduleState | null>;
  /** Keeps it durably. */
  write(state: ScheduleState): Promise<void>;
}

/** The state file of a configuration's dataset, `schedule.json` beside its packages in the spool. */
export async function openScheduleStore(loaded: LoadedConfig): Promise<ScheduleStore> {
  const { config } = loaded;
  const spool = await Spool.open(
    loaded.resolve(config.spool),
    config.source.tenant_id,
    config.destination.dataset,
  );
  const path = join(spool.root, 'schedule.json');
  return {
    read: () => readRecord(path, stateSchema),
    write: (state) => writeDurably(path, `${JSON.stringify(state, null, 2)}\n`),
  };
}
