import pg from 'pg';
import { systemClock } from '../../../connector/clock.js';
import { createPostgresDestination } from '../../../connector/load/postgres/destination.js';
import type { TextRow } from '../../../connector/load/destination.js';
import { describeDestination, type ContractDatabase } from '../../destination-contract.js';
import { createTestDatabase } from '../../postgres-server.js';

describeDestination('Postgres', async (): Promise<ContractDatabase> => {
  const database = await createTestDatabase();
  const destinations: { close(): Promise<void> }[] = [];
  return {
    destination: (dataset) => {
      const made = createPostgresDestination(
        { type: 'postgres', url: database.url, dataset, migrate: 'auto' },
        {
          path: (relative) => relative,
          report: () => undefined,
          clock: systemClock,
          lockWaitMs: 5000,
          connectorVersion: '0.0.0-test',
        },
      );
      destinations.push(made);
      return made;
    },
    byHand: async (sql) => {
      const client = new pg.Client({ connectionString: database.url });
      client.on('error', () => undefined);
      await client.connect();
      try {
        await client.query(sql);
      } finally {
        await client.end();
      }
    },
    inTimeZone: async (timeZone, sql) => {
      const client = new pg.Client({ connectionString: database.url });
      client.on('error', () => undefined);
      await client.connect();
      try {
        await client.query(`SET TIME ZONE '${timeZone}'`);
        const result = await client.query<TextRow>(sql);
        return result.rows;
      } finally {
        await client.end();
      }
    },
    close: async () => {
      for (const made of destinations) await made.close();
      await database.drop();
    },
  };
});
