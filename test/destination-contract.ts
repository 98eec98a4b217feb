import { afterAll, beforeAll, describe } from 'vitest';
import type { ContractDatabase } from './contract/dataset.js';
import { describeDiff } from './contract/diff.js';
import { describeExactSums } from './contract/exact-sums.js';
import { describeFirstLoad } from './contract/first-load.js';
import { describeGolden } from './contract/golden.js';
import { describeHistory } from './contract/history.js';
import { describeMonths } from './contract/months.js';
import { describeProof } from './contract/proof.js';
import { describePublish } from './contract/publish.js';
import { describeQuery } from './contract/query.js';
import { describeRecords } from './contract/records.js';
import { describeReload } from './contract/reload.js';
import { describeSignOffs } from './contract/sign-offs.js';
import { describeTolerances } from './contract/tolerances.js';
import { describeUserViews } from './contract/user-views.js';
import { describeValues } from './contract/values.js';
import { describeVerify } from './contract/verify.js';

export type { ContractDatabase } from './contract/dataset.js';

/** Random sequences of snapshots that each driver is held against the slow comparison with. */
const DIFF_RUNS = Number(process.env['TEST_DIFF_RUNS'] ?? 25);

/**
 * What every destination promises; each driver's test calls it with a database of its own. `taking in` leaves
 * out what works on rows that are in: another way of taking records in changes none of it.
 */
export function describeDestination(
  name: string,
  makeDatabase: () => Promise<ContractDatabase>,
  parts: 'all' | 'taking in' = 'all',
): void {
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
    describe('values', () => describeValues(given));
    describe('publish', () => describePublish(given));
    describe('first load', () => describeFirstLoad(given, parts === 'all' ? Math.min(DIFF_RUNS, 10) : 2));
    if (parts === 'taking in') return;
    describe('proof', () => describeProof(given));
    describe('verify', () => describeVerify(given));
    describe('records', () => describeRecords(given));
    describe('invoices and months', () => describeMonths(given));
    describe('history', () => describeHistory(given, Math.min(DIFF_RUNS, 5)));
    describe('reload', () => describeReload(given));
    describe('comparison', () => describeDiff(given, DIFF_RUNS));
    describe('exact sums', () => describeExactSums(given));
    describe('golden', () => describeGolden(given));
    describe('tolerances', () => describeTolerances(given));
    describe('sign-offs', () => describeSignOffs(given));
    describe('user views', () => describeUserViews(given));
    describe('query and lock', () => describeQuery(given));
  });
}
