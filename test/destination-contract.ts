import { afterAll, beforeAll, describe } from 'vitest';
import type { ContractDatabase } from './contract/dataset.js';
import { describePublish } from './contract/publish.js';

export type { ContractDatabase } from './contract/dataset.js';

/** What every destination promises; each driver's test calls it with a database of its own. */
export function describeDestination(name: string, makeDatabase: () => Promise<ContractDatabase>): void {
  describe(name, () => {
    let database: ContractDatabase | undefined;
    beforeAll(async () => {
      database = await makeDatabase();
    });
    afterAll(async () => {
      await database?.close();
    });
    const given = (): ContractDatabase => {
      if (database === undefined) throw new Error('the database is made before the tests');
      return database;
    };
    describe('publish', () => describePublish(given));
  });
}
