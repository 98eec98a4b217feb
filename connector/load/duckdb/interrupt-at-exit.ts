import type { DuckDBConnection } from '@duckdb/node-api';

const connections = new Set<DuckDBConnection>();

/**
 * Interrupts whatever statement a connection runs when the process is told to exit: Node waits for its threads, so that
 * a run that is stopped would otherwise end only after the statement. The transaction is undone, as after a crash. Returns
 * how to let go of the connection, before it is closed.
 */
export function interruptAtExit(connection: DuckDBConnection): () => void {
  if (connections.size === 0) process.on('exit', interruptAll);
  connections.add(connection);
  return () => {
    connections.delete(connection);
    if (connections.size === 0) process.off('exit', interruptAll);
  };
}

function interruptAll(): void {
  for (const connection of connections) connection.interrupt();
}
