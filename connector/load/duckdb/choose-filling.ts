import type { Report } from '../../../schemas/progress.js';
import type { MakeFilling } from './batch-stager.js';
import { fillingWithColumns } from './fill-with-columns.js';
import { fillingWithValues } from './fill-with-values.js';
import { vectorFault } from './vector-self-test.js';

let fault: string | null | undefined;

/**
 * How batches are written into DuckDB's chunks: whole columns at a time, or, where this build of DuckDB is not as that
 * needs it, value by value through its documented API, which `report` is told. Tried once a process.
 */
export function chooseFilling(report: Report): MakeFilling {
  if (fault === undefined) fault = vectorFault();
  if (fault === null) return fillingWithColumns;
  report({
    event: 'warning',
    message: `DuckDB takes batches value by value, many times slower than whole columns: ${fault}`,
    hint: 'what is loaded is as exact as ever; use the version of @duckdb/node-api that the connector asks for',
  });
  return fillingWithValues;
}
