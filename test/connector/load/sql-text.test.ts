import { describe, expect, test } from 'vitest';
import { DIALECTS } from '../../../connector/load/destination.js';
import {
  identifier,
  migrationFiles,
  migrationStatements,
  nameList,
  ofEither,
  qualified,
  sortKeys,
  statement,
} from '../../../connector/load/sql-text.js';

describe('names', () => {
  test('are quoted so that no name can end its quotes', () => {
    expect(identifier('a"b; DROP TABLE x; --')).toBe('"a""b; DROP TABLE x; --"');
    expect(qualified('my set', 'Table')).toBe('"my set"."Table"');
    expect(nameList(['a', 'b'], 't')).toBe('t."a", t."b"');
    expect(sortKeys(['a', 'b'])).toBe('"a" NULLS FIRST, "b" NULLS FIRST');
    expect(ofEither(['a'], 's', 'p')).toBe('coalesce(s."a", p."a") AS "a"');
  });

  test('that cannot be are a defect', () => {
    expect(() => identifier('')).toThrow(/cannot name anything/);
    expect(() => identifier('a\0')).toThrow(/cannot name anything/);
  });
});

describe('statements', () => {
  test('are found by name and filled', () => {
    const sql = statement('postgres', 'records', 'tenant', { dataset: identifier('csp') });
    expect(sql).toMatch(/FROM "csp"\._dataset/);
  });

  test('with an unfilled placeholder or an unknown name are a defect that names the file', () => {
    expect(() => statement('postgres', 'records', 'tenant')).toThrow(/\{\{dataset\}\} .*records\.sql/);
    expect(() => statement('duckdb', 'publish', 'no such')).toThrow(
      /sql\/duckdb\/publish\.sql has no statement/,
    );
  });
});

describe('migrations', () => {
  test('have the same numbers and names in both dialects', () => {
    const [postgres, duckdb] = DIALECTS.map((dialect) => migrationFiles(dialect).map(({ name }) => name));
    expect(postgres).toEqual(duckdb);
    expect(postgres?.[0]).toBe('000001_records');
  });

  test('are cut into statements that create or extend, fill only records of our own, and drop nothing', () => {
    for (const dialect of DIALECTS) {
      for (const migration of migrationFiles(dialect)) {
        for (const sql of migrationStatements(migration, { dataset: identifier('csp') })) {
          expect(sql.replace(/^(--.*\n|\s)+/, '')).toMatch(
            /^(CREATE (TABLE|INDEX|VIEW)|ALTER TABLE \S+ ADD COLUMN|UPDATE \S+\._\w+ SET)\b/,
          );
        }
      }
    }
  });
});
