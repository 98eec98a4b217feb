import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { ScopeName } from '../../connector/sandbox/data-scope.js';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import type { Column, Table } from '../../schemas/table.js';
import { STREAMS } from '../../schemas/streams.js';

/** All rows of a scope and what they come to, from the service's own files. */
export interface ExpectedRows {
  readonly eTag: string;
  /** Every column of every row as text, a row a line, sorted. */
  readonly lines: readonly string[];
  /** Exact sum of the amount column. */
  readonly sum: string;
}

/** What stands between the columns of a line; in no value. */
export const BETWEEN = '\u001f';

/**
 * What a table must hold of a scope now, read from the blobs that the service would send, by code that is plain and slow
 * and shares nothing with the connector but the names of the columns.
 */
export async function expectedRows(sandbox: Sandbox, scope: ScopeName): Promise<ExpectedRows> {
  const { table } = STREAMS[scope.stream];
  const lines: string[] = [];
  let sum = 0n;
  for (const path of await sandbox.blobFiles(scope)) {
    const bytes = await readFile(path);
    const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
    for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
      if (line.trim() === '') continue;
      const values = valuesOf(line, table);
      sum += unscaled(values.get(table.amount) ?? '0');
      const month = scope.month === undefined ? [] : [`${scope.month}-01`];
      lines.push([...month, ...table.columns.map(({ name }) => values.get(name) ?? '')].join(BETWEEN));
    }
  }
  return { eTag: sandbox.expected(scope).eTag, lines: lines.sort(), sum: decimalOf(sum) };
}

/** A value of a column as a database prints it, in the one form in which both sides are compared. */
export function comparable({ type }: Pick<Column, 'type'>, text: string): string {
  if (type === 'decimal') return decimalOf(unscaled(text));
  if (type === 'text') return text;
  const [, day = '', time = '00:00:00', fraction = '', sign, hours = '0', minutes = '0'] =
    INSTANT.exec(text) ?? [];
  if (type === 'date') return day;
  const ahead = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const utc = new Date(Date.parse(`${day}T${time}Z`) - ahead * 60_000).toISOString();
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}.${fraction.slice(0, 6)}`.replace(
    /\.0*$|(\.\d*[1-9])0+$/,
    '$1',
  );
}

const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))?$/;
/** A name and its value as it was written; what stands in lists and mappings is text of their own. */
const FIELD = /"((?:[^"\\]|\\.)*)":("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|[^,}\]]+)/g;

/** The values of one line by column, where it has any. */
function valuesOf(line: string, table: Table): Map<string, string> {
  const values = new Map<string, string>();
  for (const [, name = '', token = ''] of line.matchAll(FIELD)) {
    const column = table.columns.find(({ source, aliases }) =>
      [source, ...aliases].some((known) => known.toLowerCase() === name.toLowerCase()),
    );
    const text = token.startsWith('"') ? (JSON.parse(token) as string) : token.trim();
    if (column === undefined || text === 'null' || text.trim() === '' || text.startsWith('0001-01-01'))
      continue;
    values.set(column.name, comparable(column, text));
  }
  return values;
}

/** A number in any notation, times ten to the 40th. */
function unscaled(text: string): bigint {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const digits = BigInt(whole + fraction);
  const power = SCALE - fraction.length + Number(exponent);
  if (power < 0 && digits !== 0n) throw new RangeError(`${text} has too many digits`);
  const value = power < 0 ? 0n : digits * 10n ** BigInt(power);
  return sign === '-' ? -value : value;
}

function decimalOf(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(SCALE + 1, '0');
  const text = `${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`.replace(/\.?0+$/, '');
  return value < 0n ? `-${text}` : text;
}

const SCALE = 40;
