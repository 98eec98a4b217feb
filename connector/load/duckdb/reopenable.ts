import type { SqlConnection } from '../destination.js';
import type { MakeFilling } from './batch-stager.js';
import { duckdbConnection } from './connection.js';
import type { OpenDatabase } from './database.js';

/** A connection whose file can be let go of for a while. */
export interface ReopenableConnection extends SqlConnection {
  /**
   * Closes the file, does `work` and opens the file again; no transaction may be under way. When either fails the
   * connection stays closed.
   */
  whileClosed(work: () => Promise<void>): Promise<void>;
}

/**
 * Opens a database with `open`, and again with it after each {@link ReopenableConnection.whileClosed}.
 * @param path the database file, for messages
 */
export async function openReopenable(
  path: string,
  open: () => Promise<OpenDatabase>,
  makeFilling: MakeFilling,
): Promise<ReopenableConnection> {
  let current = duckdbConnection(await open(), path, makeFilling);
  return {
    dialect: 'duckdb',
    transaction: (work) => current.transaction(work),
    reading: (work) => current.reading(work),
    close: () => current.close(),
    whileClosed: async (work) => {
      await current.close();
      await work();
      current = duckdbConnection(await open(), path, makeFilling);
    },
  };
}
