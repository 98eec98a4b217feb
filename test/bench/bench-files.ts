import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobStore } from '../../connector/sandbox/blob-store.js';
import { namedScope } from '../../connector/sandbox/present-scope.js';
import { settled } from '../../connector/sandbox/options.js';
import type { RowSource } from '../../connector/sandbox/row-source.js';
import { SandboxData } from '../../connector/sandbox/sandbox-data.js';
import { say } from './say.js';

/** What a restatement did: rows whose amount changed, rows that vanished, rows that came new. */
export interface BenchChange {
  readonly changed: number;
  readonly removed: number;
  readonly added: number;
}

/** The blobs of one billed usage export of the sandbox, on disk. */
export interface BenchFiles {
  /** The same text means the same bytes. */
  readonly key: string;
  readonly eTag: string;
  readonly invoice: string;
  readonly tenantId: string;
  readonly rows: number;
  /** The exact sum of BillingPreTaxTotal. */
  readonly sum: string;
  readonly currency: string;
  /** How it differs from the invoice as it was first; null where it does not. */
  readonly change: BenchChange | null;
  readonly blobs: readonly { name: string; path: string; bytes: number; sha256: string }[];
}

const CURRENCY = 'USD';
const INVOICE = 'G016907411';

/** The restatement of an invoice with that many rows: 1 % changed, a thousandth vanished, a thousandth new. */
export function benchChange(rows: number): BenchChange {
  const thousandth = Math.max(1, Math.round(rows / 1000));
  return { changed: Math.max(1, Math.round(rows / 100)), removed: thousandth, added: thousandth };
}

/** Makes the sandbox's blobs of an invoice with that many usage rows, once; later calls find them in the cache. */
export async function benchFiles(
  rows: number,
  blobs: number,
  cache: string,
  change: BenchChange | null = null,
): Promise<BenchFiles> {
  const settings = settled({
    invoices: [{ id: INVOICE, month: '2026-10', currency: CURRENCY }],
    usageRows: rows,
    blobs,
    now: () => new Date('2026-11-23T12:00:00Z'),
  });
  const data = new SandboxData(settings);
  const scope = namedScope(settings, { stream: 'billed_usage', invoice: INVOICE });
  if (change !== null) data.restate(scope, change);
  const version = data.version(scope, 'full', []);
  const index = join(cache, `${version.key}.json`);
  const known = await readFile(index, 'utf8').catch(() => null);
  if (known !== null) return JSON.parse(known) as BenchFiles;
  await mkdir(cache, { recursive: true });
  const what = `${rows} usage rows${change === null ? '' : ', restated'}`;
  say(`making ${what} ...`);
  const store = new BlobStore(blobs, join(cache, 'blobs'));
  const files = await store.files(version, told(data.source(version), what));
  const expected = data.expected(scope, 'full', []);
  const made: BenchFiles = {
    key: version.key,
    eTag: version.eTag,
    invoice: INVOICE,
    tenantId: settings.tenantId,
    rows: expected.records,
    sum: expected.sums[CURRENCY] ?? '0',
    currency: CURRENCY,
    change,
    blobs: await Promise.all(
      files.map(async ({ name: blob, path, length }) => ({
        name: blob,
        path,
        bytes: length,
        sha256: await digest(path),
      })),
    ),
  };
  await writeFile(index, JSON.stringify(made));
  return made;
}

/** The same rows, and a line on standard error now and then while they are written. */
function told(source: RowSource, what: string): RowSource {
  let written = 0;
  return {
    rows: source.rows,
    amountOf: (row, revision) => source.amountOf(row, revision),
    write: (target, offset, row, revision) => {
      written += 1;
      if (written % 250_000 === 0) say(`making ${what}: ${written} are made`);
      return source.write(target, offset, row, revision);
    },
  };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
