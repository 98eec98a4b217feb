import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { systemClock } from '../../../connector/clock.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import type { TextRow } from '../../../connector/load/destination.js';
import type { Report } from '../../../schemas/progress.js';
import type { ContractDatabase } from '../../destination-contract.js';

/** A folder of DuckDB files for the contract suite, one a dataset. `report` is told what the destinations tell. */
export function duckdbContract(report: Report = () => undefined): Promise<ContractDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'duckdb-contract-'));
  // A file a dataset: a catalog of forty datasets would make every session slow.
  const pathOf = (dataset: string) => join(folder, `${dataset}-billing.duckdb`);
  const destinations: { close(): Promise<void> }[] = [];
  return Promise.resolve({
    destination: (dataset) => {
      const made = createDuckdbDestination(
        {
          type: 'duckdb',
          path: pathOf(dataset),
          dataset,
          migrate: 'auto',
          memory_limit: 512 * 1024 ** 2,
          threads: 2,
        },
        {
          path: (relative) => relative,
          report,
          clock: systemClock,
          lockWaitMs: 5000,
          connectorVersion: '0.0.0-test',
        },
      );
      destinations.push(made);
      return made;
    },
    byHand: async (sql, dataset) => {
      const instance = await DuckDBInstance.create(pathOf(dataset));
      const connection = await instance.connect();
      try {
        await connection.run(sql);
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
    },
    inTimeZone: async (timeZone, sql, dataset) => {
      const instance = await DuckDBInstance.create(pathOf(dataset), { access_mode: 'READ_ONLY' });
      const connection = await instance.connect();
      try {
        await connection.run(`SET TimeZone = '${timeZone}'`);
        const result = await connection.runAndReadAll(sql);
        return result.getRowObjects() as TextRow[];
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
    },
    close: async () => {
      for (const made of destinations) await made.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
