/** What a step of a run may need to happen at all. */
export interface RunStepFacts {
  /** What is done when the step is reached, and not yet noted anywhere else. */
  readonly done: string;
  /** The only destination that has it; absent: every destination. */
  readonly only?: 'duckdb';
}

/**
 * The steps of a run at which a process that dies leaves something else behind than at the step before. Whatever a run
 * does between two of them is done again, or is found done, by the next run. In the order of a run. The code marks each
 * with `atStep` (connector/run-step.ts); a test kills the process at each (test/e2e/crash.test.ts), and fails for a step
 * without a mark or without a case.
 */
export const RUN_STEPS = {
  'migration applied': { done: 'the migrations are committed, the views are not' },
  'invoice list read': { done: "Partner Center's list is in memory" },
  'invoice list recorded': { done: 'the list is in the dataset' },
  'package begun': { done: 'the folder of a load package is there, and nothing was asked for' },
  'intent recorded': { done: 'the package says that a POST is about to be sent' },
  'POST answered': { done: 'Graph has an operation that is noted nowhere' },
  'operation recorded': { done: "the package knows the operation's address" },
  'mid-poll': { done: 'the operation was seen running' },
  'manifest read': { done: 'the manifest is in memory' },
  'manifest recorded': { done: 'the manifest is in the package' },
  'mid-download': { done: 'some bytes of a blob are in the package' },
  'blob recorded': { done: "a blob's length and digest are in the package, the blob has not its name yet" },
  'blob renamed': { done: 'one blob of the package is whole' },
  'package whole': { done: 'everything is on disk' },
  'mid-decode': { done: 'the first records of a package are parsed and handed to the destination' },
  staged: { done: 'every record is in the staging table, or, of a first load, in the table itself' },
  'proof done': { done: 'the snapshot is proven whole' },
  'before commit': { done: 'rows, history and state are written, in a transaction that is still open' },
  'after commit': { done: 'the snapshot is published, its package is still in the spool' },
  'package unlisted': { done: 'a package is half deleted' },
  'package removed': { done: 'the package of a published snapshot is archived or deleted' },
  'answers recorded': { done: 'the dataset knows what was answered, not the run' },
  'run recorded': { done: 'the run is in the dataset' },
  remembered: { done: 'the spool remembers what the dataset has recorded' },
  'read copy made': { done: 'a copy of the database file is beside the read copy', only: 'duckdb' },
  'read copy published': { done: 'the read copy is new', only: 'duckdb' },
} as const satisfies Readonly<Record<string, RunStepFacts>>;

/** The name of a step of a run. */
export type RunStep = keyof typeof RUN_STEPS;
