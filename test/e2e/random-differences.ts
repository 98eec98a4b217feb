import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAMS } from '../../schemas/streams.js';
import { BETWEEN, expectedRows } from './expected-rows.js';
import { DISAGREEMENTS, heldRows, TABLES, type HeldRow } from './held-rows.js';
import { leftInPostgres } from './left-in-postgres.js';
import { labelOf, SCOPES, type RandomSite } from './random-site.js';
import type { SeenTotal } from './totals-reader.js';

/** How many differing rows of a scope are told. */
const TOLD = 3;

/**
 * In what the destinations, at rest, are not what they must be: every row of every scope with all its values is what the
 * service has, each under a key of its own and the same in all of them; their records agree; nothing is left behind.
 */
export async function differencesOf(sites: readonly RandomSite[]): Promise<string[]> {
  const found: string[] = [];
  const keys = new Map<string, string>();
  for (const site of sites) {
    const inside = await site.read(async (reader) => {
      for (const scope of SCOPES) {
        const { lines } = await expectedRows(site.sandbox, scope);
        const rows = await heldRows(reader, scope);
        const label = `${site.engine} ${labelOf(scope)}`;
        found.push(...lineDifferences(lines, rows).map((what) => `${label}: ${what}`));
        const isNew = !keys.has(labelOf(scope));
        const ofRows = rows.map(({ key, hash, line }) => [key, hash, line].join(BETWEEN)).join('\n');
        if (isNew) keys.set(labelOf(scope), ofRows);
        else if (keys.get(labelOf(scope)) !== ofRows) found.push(`${label}: other keys or hashes`);
        found.push(...keyDifferences(rows, scope.stream).map((what) => `${label}: ${what}`));
      }
      for (const sql of DISAGREEMENTS) found.push(...(await reader.rows(sql)).map(([what]) => what ?? sql));
      return (await reader.rows(TABLES)).flat().join();
    });
    for (const [source, tables] of inside)
      if (tables !== site.tables) found.push(`${source} has other tables: ${tables}`);
    if (site.database !== null) found.push(...(await leftInPostgres(site.databaseUrl)));
    found.push(...(await site.packages()).map((path) => `${site.engine} has a package left: ${path}`));
  }
  return found;
}

/**
 * What a reader saw that was never a published snapshot, or not in its order. The versions of a scope that may have been
 * published follow one another; not every one of them needs to have been published, or seen.
 */
export function neverPublished(sites: readonly RandomSite[], seen: readonly SeenTotal[]): string[] {
  const found: string[] = [];
  const reached = new Map<string, number>();
  for (const total of seen) {
    const { source, scope, eTag, rows, sum } = total;
    const site = sites.find(({ engine }) => (engine === 'postgres') === (source === 'postgres'));
    const versions = site?.versions.get(scope) ?? [];
    const from = reached.get(`${source} ${scope}`) ?? 0;
    const at = versions.findIndex(
      (version, index) =>
        index >= from &&
        version.eTag === eTag &&
        String(version.rows) === rows &&
        version.sum === canonicalDecimal(sum),
    );
    if (at === -1) found.push(`${source} showed ${JSON.stringify(total)}`);
    else reached.set(`${source} ${scope}`, at);
  }
  return found;
}

/** Lines that one side has more often than the other. */
function lineDifferences(expected: readonly string[], held: readonly HeldRow[]): string[] {
  const surplus = new Map<string, number>();
  for (const line of expected) surplus.set(line, (surplus.get(line) ?? 0) + 1);
  for (const { line } of held) surplus.set(line, (surplus.get(line) ?? 0) - 1);
  const differing = [...surplus].filter(([, count]) => count !== 0);
  const told = differing
    .slice(0, TOLD)
    .map(([line, count]) => `${count > 0 ? 'lacks' : 'has too much'} ${line.replaceAll(BETWEEN, '|')}`);
  return differing.length > TOLD ? [...told, `${differing.length} lines differ`] : told;
}

/** One key stands for one identity, each of its rows has a number of its own, and there is nothing beside the columns. */
function keyDifferences(rows: readonly HeldRow[], stream: keyof typeof STREAMS): string[] {
  const { table } = STREAMS[stream];
  const offset = table.scopedBy === 'month' ? 1 : 0;
  const places = table.identity.map(
    (name) => offset + table.columns.findIndex((column) => column.name === name),
  );
  const identities = new Map<string, string>();
  const keys = new Map<string, string>();
  const numbers = new Set<string>();
  const found: string[] = [];
  for (const { key, occurrence, extra, line } of rows) {
    const values = line.split(BETWEEN);
    const identity = places.map((place) => values[place]).join(BETWEEN);
    if ((identities.get(key) ?? identity) !== identity || (keys.get(identity) ?? key) !== key)
      found.push(`key ${key} is of another line`);
    identities.set(key, identity);
    keys.set(identity, key);
    if (numbers.has(`${key} ${occurrence}`)) found.push(`key ${key} has number ${occurrence} twice`);
    numbers.add(`${key} ${occurrence}`);
    if (extra !== null) found.push(`key ${key} has ${extra} beside its columns`);
  }
  return found;
}
