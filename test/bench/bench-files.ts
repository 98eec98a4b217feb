import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobStore } from '../../connector/sandbox/blob-store.js';
import { namedScope } from '../../connector/sandbox/present-scope.js';
import { settled } from '../../connector/sandbox/options.js';
import { SandboxData } from '../../connector/sandbox/sandbox-data.js';

/** The blobs of one billed usage export of the sandbox, on disk. */
export interface BenchFiles {
  readonly invoice: string;
  readonly tenantId: string;
  readonly rows: number;
  /** The exact sum of BillingPreTaxTotal. */
  readonly sum: string;
  readonly currency: string;
  readonly blobs: readonly { name: string; path: string; bytes: number; sha256: string }[];
}

const CURRENCY = 'USD';
const INVOICE = 'G016907411';

/** Makes the sandbox's blobs of an invoice with that many usage rows, once; later calls find them in the cache. */
export async function benchFiles(rows: number, blobs: number, cache: string): Promise<BenchFiles> {
  const folder = join(cache, `usage-${rows}-${blobs}`);
  const index = join(folder, 'bench.json');
  const known = await readFile(index, 'utf8').catch(() => null);
  if (known !== null) return JSON.parse(known) as BenchFiles;
  await mkdir(folder, { recursive: true });
  const settings = settled({
    invoices: [{ id: INVOICE, month: '2026-10', currency: CURRENCY }],
    usageRows: rows,
    blobs,
    now: () => new Date('2026-11-23T12:00:00Z'),
  });
  const data = new SandboxData(settings);
  const scope = namedScope(settings, { stream: 'billed_usage', invoice: INVOICE });
  const version = data.version(scope, 'full', []);
  const files = await new BlobStore(blobs, join(folder, 'blobs')).files(version, data.source(version));
  const expected = data.expected(scope, 'full', []);
  const made: BenchFiles = {
    invoice: INVOICE,
    tenantId: settings.tenantId,
    rows: expected.records,
    sum: expected.sums[CURRENCY] ?? '0',
    currency: CURRENCY,
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

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
