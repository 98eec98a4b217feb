import type { Report } from '../schemas/progress.js';
import type { Clock } from './clock.js';
import type { LoadedConfig } from './config.js';
import type { Spool } from './load-package.js';
import type { RecordedState, RunRecord } from './load/destination.js';
import type { ReadCopy } from './load/read-copy.js';
import type { RunDataset } from './run-dataset.js';
import type { RunSummary } from './run-summary.js';
import type { Selection } from './selection.js';

/** What a run is given. */
export interface SyncOptions {
  readonly loaded: LoadedConfig;
  readonly selection: Selection;
  readonly report: Report;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly connectorVersion: string;
}

/** What is known of a run that came to its end. */
export interface EndedRun {
  readonly summary: RunSummary;
  /** The run before, as it was recorded; null: there was none. */
  readonly former: Pick<RunRecord, 'outcome' | 'exitCode' | 'counts'> | null;
  /** What is recorded now, with what waits in the spool to be recorded; null where that is not known. */
  readonly state: RecordedState | null;
}

/** A run that holds the dataset's lock: what it was given and what it works with. */
export interface Run extends SyncOptions {
  readonly runId: string;
  readonly startedAt: Date;
  readonly spool: Spool;
  readonly dataset: RunDataset;
  /** The copy for analysts, where one is configured. */
  readonly readCopy: ReadCopy | null;
  /** Name of the destination, for records. */
  readonly destinationLabel: string;
  /** A new id that sorts by time, for a load. */
  readonly newId: () => string;
}
