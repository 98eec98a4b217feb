import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SystemError } from '../../schemas/errors.js';
import type { Dialect } from './destination.js';
import { packageRoot } from '../package-info.js';

declare const fromHere: unique symbol;

/**
 * Text that may become part of a statement: a statement of `sql/`, or names quoted here. Only this file makes it,
 * so no value can get into a statement other than as a parameter.
 */
export type SqlText = string & { readonly [fromHere]: true };

/** What the placeholders (`{{name}}`) of a statement are filled with. */
export type Fills = Readonly<Record<string, SqlText>>;

/** A name in double quotes, for both dialects. @throws SystemError when it is empty or holds a NUL. */
export function identifier(name: string): SqlText {
  if (name === '' || name.includes('\0')) throw badSql(`${JSON.stringify(name)} cannot name anything`);
  return `"${name.replaceAll('"', '""')}"` as SqlText;
}

/** `"schema"."table"`. */
export function qualified(schema: string, name: string): SqlText {
  return `${identifier(schema)}.${identifier(name)}` as SqlText;
}

/** Names separated by commas, each qualified by `alias` where one is given: `s."a", s."b"`. */
export function nameList(names: readonly string[], alias?: string): SqlText {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return names.map((name) => `${prefix}${identifier(name)}`).join(', ') as SqlText;
}

/** Columns under other names: `a."x" AS "after_x"`. */
export function prefixed(names: readonly string[], alias: string, prefix: string): SqlText {
  return names
    .map((name) => `${alias}.${identifier(name)} AS ${identifier(prefix + name)}`)
    .join(', ') as SqlText;
}

/** The columns of whichever side of a full join is there: `coalesce(s."a", p."a") AS "a"`. */
export function ofEither(names: readonly string[], left: string, right: string): SqlText {
  const columns = names.map(identifier);
  return columns
    .map((name) => `coalesce(${left}.${name}, ${right}.${name}) AS ${name}`)
    .join(', ') as SqlText;
}

/** That both sides have the same values, nulls included: `s."a" IS NOT DISTINCT FROM t."a" AND ...`. */
export function sameValues(names: readonly string[], left: string, right: string): SqlText {
  const columns = names.map(identifier);
  return columns
    .map((name) => `${left}.${name} IS NOT DISTINCT FROM ${right}.${name}`)
    .join(' AND ') as SqlText;
}

/** Names as sort keys, nulls first: `"a" NULLS FIRST, "b" NULLS FIRST`. */
export function sortKeys(names: readonly string[]): SqlText {
  return names.map((name) => `${identifier(name)} NULLS FIRST`).join(', ') as SqlText;
}

/** Parameters separated by commas, from `$first` on: `$2, $3`. @throws SystemError for none, which no list can be made of */
export function placeholders(first: number, count: number): SqlText {
  if (count < 1) throw badSql('a list of no parameters was asked for');
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ') as SqlText;
}

/** Conditions that must all hold: `(a) AND (b)`. @throws SystemError for none */
export function allOf(conditions: readonly SqlText[]): SqlText {
  if (conditions.length === 0) throw badSql('no condition was given');
  return conditions.map((condition) => `(${condition})`).join(' AND ') as SqlText;
}

/** Column definitions: `"a" text, "b" numeric`; the types are statements of `sql/<dialect>/types.sql`. */
export function definitions(columns: readonly { readonly name: string; readonly type: SqlText }[]): SqlText {
  return columns.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ') as SqlText;
}

/**
 * The statement `-- name: <name>` of `sql/<dialect>/<file>.sql` with its placeholders filled.
 * @throws SystemError when there is no such statement, or placeholders and fills do not match.
 */
export function statement(dialect: Dialect, file: string, name: string, fills: Fills = {}): SqlText {
  const found = statementsOf(dialect, file).get(name);
  if (found === undefined) throw badSql(`sql/${dialect}/${file}.sql has no statement "${name}"`);
  return fill(found, fills, `"${name}" of sql/${dialect}/${file}.sql`);
}

/** A numbered migration as it stands in `sql/<dialect>/migrations`. */
export interface MigrationFile {
  readonly number: number;
  /** The file's name without `.sql`: `000001_records`. */
  readonly name: string;
  /** The file's text, placeholders not filled; line ends are `\n`. */
  readonly text: string;
}

/** All migrations of a dialect in order. @throws SystemError when their numbers are not 1, 2, 3, ... */
export function migrationFiles(dialect: Dialect): readonly MigrationFile[] {
  const folder = join(packageRoot(), 'sql', dialect, 'migrations');
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((file, index) => {
    const number = Number.parseInt(file, 10);
    if (!/^\d{6}_[a-z0-9_]+\.sql$/.test(file) || number !== index + 1) {
      throw badSql(`sql/${dialect}/migrations/${file} is not number ${index + 1} of the migrations`);
    }
    return { number, name: file.slice(0, -'.sql'.length), text: readText(join(folder, file)) };
  });
}

/** The statements of a migration, in order, filled: each ends with a `;` at the end of a line. */
export function migrationStatements(migration: MigrationFile, fills: Fills): readonly SqlText[] {
  return migration.text
    .split(/;[ \t]*(?:\n|$)/)
    .map((text) => text.trim())
    .filter((text) => text.split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('--')))
    .map((text) => fill(text, fills, migration.name));
}

/**
 * What is made anew whenever its text changes, as it stands in `sql/<dialect>/macros` (which give a value), `views` or
 * `functions` (which give rows). Macros and functions are functions in Postgres and macros in DuckDB.
 */
export interface ViewFile {
  readonly kind: 'macro' | 'view' | 'function';
  /** The file's name without `.sql`, which is that of what it makes. */
  readonly name: string;
  /** The statement that makes or replaces it, filled. */
  readonly statement: SqlText;
}

/**
 * All macros of a dialect, then its views, then its functions, each in the order of their names: each may use those
 * before it.
 */
export function viewFiles(dialect: Dialect, fills: Fills): readonly ViewFile[] {
  return (['macro', 'view', 'function'] as const).flatMap((kind) => {
    const folder = join(packageRoot(), 'sql', dialect, `${kind}s`);
    const files = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    return files.map((file) => ({
      kind,
      name: file.slice(0, -'.sql'.length),
      statement: fill(readText(join(folder, file)).trim().replace(/;$/, ''), fills, `${kind}s/${file}`),
    }));
  });
}

function fill(text: string, fills: Fills, place: string): SqlText {
  const filled = text.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = fills[key];
    if (value === undefined) throw badSql(`nothing was given for {{${key}}} in ${place}`);
    return value;
  });
  return filled as SqlText;
}

const statementCache = new Map<string, ReadonlyMap<string, string>>();

function statementsOf(dialect: Dialect, file: string): ReadonlyMap<string, string> {
  const key = `${dialect}/${file}`;
  const cached = statementCache.get(key);
  if (cached !== undefined) return cached;
  const parts = readText(join(packageRoot(), 'sql', dialect, `${file}.sql`)).split(/^-- name: (.+)$/m);
  const statements = new Map<string, string>();
  for (let index = 1; index + 1 < parts.length; index += 2) {
    const name = (parts[index] ?? '').trim();
    if (statements.has(name)) throw badSql(`sql/${key}.sql has two statements "${name}"`);
    statements.set(name, (parts[index + 1] ?? '').trim().replace(/;$/, ''));
  }
  statementCache.set(key, statements);
  return statements;
}

function readText(path: string): string {
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}

function badSql(what: string): SystemError {
  return new SystemError({
    message: `SQL: ${what}`,
    hint: 'this is a defect of the connector or a damaged installation',
  });
}
