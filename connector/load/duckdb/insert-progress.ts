import { setTimeout as pause } from 'node:timers/promises';
import duckdb, { type PendingResult } from '@duckdb/node-bindings';
import type { DuckDBPendingResult, DuckDBResult } from '@duckdb/node-api';

/** Milliseconds between two looks at a statement that DuckDB's own threads work on. */
const LOOK_EVERY_MS = 5;

/**
 * Waits until DuckDB's own threads are done with a statement, and returns its result. The documented way of waiting,
 * `getResult` at once, lends a thread that has nothing to do but ask again and again: it took as much of a core as the
 * statement. Needs `threads` of at least 2: with one, nobody else would work on the statement.
 * @throws Error as DuckDB words it when the statement failed
 */
export async function resultOf(statement: DuckDBPendingResult): Promise<DuckDBResult> {
  // Private in the declarations only; there is no other name for it.
  const pending = statement['pending_result'] as PendingResult;
  const underWay: readonly number[] = [
    duckdb.PendingState.RESULT_NOT_READY,
    duckdb.PendingState.NO_TASKS_AVAILABLE,
  ];
  while (underWay.includes(duckdb.pending_execute_check_state(pending))) await pause(LOOK_EVERY_MS);
  const failure = duckdb.pending_error(pending);
  if (failure !== '') throw new Error(failure);
  return await statement.getResult();
}
