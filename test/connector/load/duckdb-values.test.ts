import { afterAll, expect, vi } from 'vitest';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { describeDestination } from '../../destination-contract.js';
import { duckdbContract } from './duckdb-contract.js';

vi.mock(import('../../../connector/load/duckdb/vector-self-test.js'), () => ({
  vectorFault: () => 'a vector is longer than this test likes',
}));

const warnings: ProgressEvent[] = [];

describeDestination(
  'DuckDB, filled value by value',
  () =>
    duckdbContract((event) => {
      if (event.event === 'warning' && /value by value/.test(event.message)) warnings.push(event);
    }),
  'taking in',
);

afterAll(() => {
  expect(warnings[0]).toMatchObject({ message: /a vector is longer than this test likes/ });
});
