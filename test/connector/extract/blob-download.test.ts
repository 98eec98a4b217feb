import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ExportOutcome } from '../../../connector/extract/extractor.js';
import { ConfigError, IntegrityError, TransientError } from '../../../schemas/errors.js';
import { extractorFor, INVOICE, NOTHING_PUBLISHED } from './extract-scene.js';
import {
  cutAfter,
  etagOf,
  sendStorageError,
  someBlob,
  startGraph,
  type GraphDouble,
} from './graph-double.js';
import { startServer } from './http-double.js';
import { errorOf } from './scene.js';

const NAME = 'part-0.json.gz';
const CONTENT = someBlob(400);

async function contentOf(outcome: ExportOutcome): Promise<Buffer> {
  if (outcome.kind !== 'package') throw new Error(`expected a package, got ${outcome.kind}`);
  const [blob] = await outcome.package.blobs();
  return await readFile(blob?.path ?? '');
}

async function exported(double: GraphDouble, options: Parameters<typeof extractorFor>[1] = {}) {
  const scene = await extractorFor(double, options);
  return { ...scene, outcome: await scene.extractor.exportScope(INVOICE, NOTHING_PUBLISHED) };
}

async function failed(double: GraphDouble, options: Parameters<typeof extractorFor>[1] = {}) {
  const scene = await extractorFor(double, options);
  return { ...scene, error: await errorOf(scene.extractor.exportScope(INVOICE, NOTHING_PUBLISHED)) };
}

function startOf(range: string | undefined): number {
  return Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
}

/** Cuts the connection after so many bytes, so many times. */
function cutting(double: GraphDouble, bytes: number, times: number): void {
  let left = times;
  double.behaviour.onBlob = (request, response) => {
    if (left === 0) return false;
    left -= 1;
    const { headers } = request;
    cutAfter(
      response,
      CONTENT,
      startOf(headers.range ?? headers['x-ms-range']?.toString()),
      bytes,
      etagOf(CONTENT),
    );
    return true;
  };
}

describe('a download that is cut', () => {
  it('goes on where it stopped, of the same version, as often as bytes keep coming', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    cutting(double, 1000, 9);
    const { outcome, clock } = await exported(double);
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.reads().slice(0, 3)).toEqual([`${NAME}@0`, `${NAME}@1000`, `${NAME}@2000`]);
    expect(
      double.storage.requests.slice(1).every(({ headers }) => headers['if-match'] === etagOf(CONTENT)),
    ).toBe(true);
    expect(clock.waits.slice(1)).toEqual(Array(9).fill(1000));
  });

  it('without a byte coming is given up, and keeps what came', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    let reads = 0;
    double.behaviour.onBlob = (_request, response) => {
      reads += 1;
      if (reads === 1) cutAfter(response, CONTENT, 0, 1000, etagOf(CONTENT));
      else response.socket?.destroy();
      return true;
    };
    const { error, spoolFolder } = await failed(double);
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(/blob part-0.json.gz: given up after 8 attempts without a byte/);
    double.behaviour.onBlob = null;
    const { outcome } = await exported(double, { spoolFolder });
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.reads().at(-1)).toBe(`${NAME}@1000`);
    expect(double.exports()).toBe(1);
  });

  it('because its bytes stall is taken up again', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response, count) => {
      if (count > 1) return false;
      response.writeHead(200, { etag: etagOf(CONTENT), 'content-length': String(CONTENT.length) });
      response.write(CONTENT.subarray(0, 500));
      return true;
    };
    const { outcome, events } = await exported(double, { blobIdleMs: 200 });
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.reads()).toEqual([`${NAME}@0`, `${NAME}@500`]);
    expect(events).toContainEqual(
      expect.objectContaining({ what: 'blob', cause: `${NAME}: no byte came for 0.2 s` }),
    );
  });

  it('because no answer comes at all is asked for again', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, _response, count) => count === 1;
    const { outcome } = await exported(double, { blobIdleMs: 200 });
    expect(await contentOf(outcome)).toEqual(CONTENT);
  });
});

describe('storage that is unwell', () => {
  it.each([408, 429, 500, 503])('with %i is waited for as it says', async (status) => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response, count) => {
      if (count > 2) return false;
      sendStorageError(response, status, 'ServerBusy', count === 1 ? { 'retry-after': '7' } : {});
      return true;
    };
    const { outcome, clock } = await exported(double);
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(clock.waits.slice(1)).toEqual([7000, 1500]);
  });

  it('with 400 is not asked again', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response) => {
      sendStorageError(response, 400, 'InvalidHeaderValue');
      return true;
    };
    const { error } = await failed(double);
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toContain('400 InvalidHeaderValue (x-ms-request-id storage-request-1)');
    expect(double.storage.requests).toHaveLength(1);
  });

  it('that redirects is not followed', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    const elsewhere = await startServer((_request, response) => response.end('x') && undefined);
    for (const location of [`${elsewhere.origin}/x`, `${double.storage.origin}/x`]) {
      double.behaviour.onBlob = (_request, response) => {
        response.writeHead(302, { location }).end();
        return true;
      };
      const { error } = await failed(double);
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).toContain(new URL(location).origin);
    }
    expect(elsewhere.requests).toHaveLength(0);
    expect(double.storage.requests).toHaveLength(2);
  });
});

describe('a SAS that is refused', () => {
  it('in the middle of a blob is replaced from the manifest, and the blob goes on', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response, count) => {
      if (count > 1) return false;
      double.behaviour.oldestSas = 2;
      cutAfter(response, CONTENT, 0, 1000, etagOf(CONTENT));
      return true;
    };
    const { outcome } = await exported(double);
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.reads()).toEqual([`${NAME}@0`, `${NAME}@1000`, `${NAME}@1000`]);
    expect(double.exports()).toBe(1);
  });

  it('is replaced once for all downloads', async () => {
    const blobs = Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [`part-${index}.gz`, someBlob(20, String(index))]),
    );
    const double = await startGraph(blobs);
    double.behaviour.oldestSas = 2;
    const { outcome } = await exported(double, { limits: { concurrent_blobs: 6 } });
    expect(outcome.kind).toBe('package');
    // One poll that runs, one that succeeds, one reading for the new SAS.
    expect(double.polls()).toBe(3);
  });

  it('and comes back the same from the manifest leads to a new export, then is given up', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.freshSas = false;
    double.behaviour.oldestSas = 2;
    const { error } = await failed(double);
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toContain('the manifest gives the same one again');
    expect(double.exports()).toBe(3);
  });

  it('while fresh, without a byte having come, is final', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.oldestSas = 1000;
    const { error } = await failed(double);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain('refuses a fresh SAS too: 403 AuthenticationFailed');
    expect(double.storage.requests).toHaveLength(2);
  });

  it('again and again is replaced as long as bytes come', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    let start = 0;
    double.behaviour.onBlob = (request, response) => {
      const number = Number(/plantedSig(\d+)/.exec(request.query)?.[1]);
      if (number < double.behaviour.oldestSas || start > 5000) return false;
      double.behaviour.oldestSas = number + 1;
      cutAfter(response, CONTENT, start, 1000, etagOf(CONTENT));
      start += 1000;
      return true;
    };
    const { outcome } = await exported(double);
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.exports()).toBe(1);
  });

  it('with a manifest that is of other data by then leads to a new package, never a mixture', async () => {
    const newer = { 'part-0.json.gz': someBlob(30, 'newer'), 'part-1.json.gz': someBlob(30, 'newest') };
    const double = await startGraph({ [NAME]: CONTENT, 'part-1.json.gz': someBlob(30, 'old') });
    double.behaviour.onBlob = (request, response) => {
      if (!request.path.endsWith(NAME) || double.behaviour.eTag === 'eTagTwo') return false;
      double.behaviour.eTag = 'eTagTwo';
      double.behaviour.blobs = new Map(Object.entries(newer));
      double.behaviour.oldestSas = 2;
      cutAfter(response, CONTENT, 0, 1000, etagOf(CONTENT));
      return true;
    };
    const { outcome, spool } = await exported(double, { limits: { concurrent_blobs: 1 } });
    if (outcome.kind !== 'package') throw new Error(outcome.kind);
    const contents = await Promise.all((await outcome.package.blobs()).map(({ path }) => readFile(path)));
    expect(contents).toEqual(Object.values(newer));
    expect(outcome.package.manifest()?.eTag).toBe('eTagTwo');
    expect(await spool.list()).toHaveLength(1);
    expect(double.exports()).toBe(1);
  });
});

describe('a blob that is not what was announced', () => {
  it('and is missing leads to a new export after a limited retry', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response) => {
      if (double.exports() > 1) return false;
      sendStorageError(response, 404, 'BlobNotFound');
      return true;
    };
    const { outcome } = await exported(double);
    expect(await contentOf(outcome)).toEqual(CONTENT);
    expect(double.exports()).toBe(2);
    expect(double.storage.requests).toHaveLength(4);
  });

  it('and was replaced in the meantime is read from its beginning', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    const replaced = someBlob(300, 'replaced');
    double.behaviour.onBlob = (_request, response, count) => {
      if (count > 1) return false;
      cutAfter(response, CONTENT, 0, 1000, etagOf(CONTENT));
      double.behaviour.blobs = new Map([[NAME, replaced]]);
      return true;
    };
    const { outcome } = await exported(double);
    expect(await contentOf(outcome)).toEqual(replaced);
    expect(double.reads()).toEqual([`${NAME}@0`, `${NAME}@1000`, `${NAME}@0`]);
  });

  it('and is replaced all the time is refused', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (request, response, count) => {
      if (request.headers['if-match'] === undefined)
        cutAfter(response, CONTENT, 0, 1000, `"version-${count}"`);
      else sendStorageError(response, 412, 'ConditionNotMet');
      return true;
    };
    const { error } = await failed(double);
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toContain('from its beginning');
  });

  it('by a server that knows no ranges is read from its beginning', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response, count) => {
      if (count === 1) cutAfter(response, CONTENT, 0, 1000, etagOf(CONTENT));
      else
        response
          .writeHead(200, { etag: etagOf(CONTENT), 'content-length': String(CONTENT.length) })
          .end(CONTENT);
      return true;
    };
    expect(await contentOf((await exported(double)).outcome)).toEqual(CONTENT);
  });

  it('by another range than was asked for is read from its beginning', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response, count) => {
      if (count > 2) return false;
      cutAfter(response, CONTENT, count === 1 ? 0 : 500, 1000, etagOf(CONTENT));
      return true;
    };
    expect(await contentOf((await exported(double)).outcome)).toEqual(CONTENT);
    expect(double.reads()).toEqual([`${NAME}@0`, `${NAME}@1000`, `${NAME}@0`]);
  });

  it('by its MD5 is read once more, then refused if it stays', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    const md5 = createHash('md5').update(CONTENT).digest('base64');
    double.behaviour.headersOf = () => ({ 'content-md5': md5 });
    const flipped = Buffer.from(CONTENT);
    flipped[700] = (flipped[700] ?? 0) ^ 1;
    const damaged = (response: ServerResponse): true => {
      response
        .writeHead(200, {
          etag: etagOf(CONTENT),
          'content-length': String(CONTENT.length),
          'content-md5': md5,
        })
        .end(flipped);
      return true;
    };
    double.behaviour.onBlob = (_request, response, count) => count === 1 && damaged(response);
    expect(await contentOf((await exported(double)).outcome)).toEqual(CONTENT);
    double.behaviour.onBlob = (_request, response) => damaged(response);
    const { error } = await failed(double);
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toContain('MD5');
  });

  it('and comes with Content-Encoding: gzip is kept compressed, with its own length', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.headersOf = () => ({ 'content-encoding': 'gzip' });
    expect(await contentOf((await exported(double)).outcome)).toEqual(CONTENT);
    expect(double.storage.requests[0]?.headers['accept-encoding'] ?? '').not.toContain('gzip');
  });

  it('and comes without a length is refused', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    double.behaviour.onBlob = (_request, response) => {
      response.writeHead(200, { etag: etagOf(CONTENT) });
      response.end(gzipSync('x'));
      return true;
    };
    expect((await failed(double)).error).toBeInstanceOf(IntegrityError);
  });
});

describe('several downloads', () => {
  const blobs = Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [`part-${index}.gz`, someBlob(5, String(index))]),
  );

  it('run at once, within the limit, over all scopes of a run', async () => {
    const double = await startGraph(blobs);
    let open = 0;
    let most = 0;
    double.behaviour.onBlob = (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      response.on('close', () => {
        open -= 1;
      });
      return false;
    };
    const { extractor } = await extractorFor(double, { limits: { concurrent_blobs: 2 } });
    const other = { ...INVOICE, scope: { ...INVOICE.scope, invoice: 'G012040490' } as const };
    await Promise.all([INVOICE, other].map((request) => extractor.exportScope(request, NOTHING_PUBLISHED)));
    expect(double.storage.requests).toHaveLength(18);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('end together when one fails, and keep what is whole', async () => {
    const double = await startGraph(blobs);
    double.behaviour.onBlob = (request, response) => {
      if (!request.path.endsWith('part-4.gz')) return false;
      sendStorageError(response, 400, 'Refused');
      return true;
    };
    const { error, spoolFolder } = await failed(double, { limits: { concurrent_blobs: 1 } });
    expect(error).toBeInstanceOf(IntegrityError);
    expect(double.reads()).toHaveLength(5);
    double.behaviour.onBlob = null;
    expect((await exported(double, { spoolFolder })).outcome.kind).toBe('package');
    expect(double.reads().slice(5).sort()).toEqual([4, 5, 6, 7, 8].map((index) => `part-${index}.gz@0`));
  });

  it('that do not fit on the disk together are not begun, and the space needed is said', async () => {
    const double = await startGraph({ [NAME]: CONTENT });
    const { error } = await failed(double, { freeBytes: () => Promise.resolve(1000) });
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(/1 MiB free, and 64 MiB are needed/);
    double.behaviour.manifest = { blobs: [{ name: NAME, sizeInBytes: 5 * 1024 ** 3 }] };
    const large = await failed(double, { freeBytes: () => Promise.resolve(3 * 1024 ** 3) });
    expect((large.error as Error).message).toMatch(/3072 MiB free, and 5184 MiB are needed/);
    expect(double.storage.requests).toHaveLength(0);
  });
});
