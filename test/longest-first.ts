import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, begun first: at the end of a run the cores would wait for the last of them. */
const LONGEST = [
  'e2e/quarter.test.ts',
  'e2e/crash-duckdb.test.ts',
  'load/duckdb.test.ts',
  'e2e/crash-postgres.test.ts',
  'load/postgres.test.ts',
];

/** Runs the longest test files first; the others in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
