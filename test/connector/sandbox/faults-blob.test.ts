import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { FaultName } from '../../../connector/sandbox/sandbox.js';
import type { BLOB_FAULTS } from '../../../connector/sandbox/faults.js';
import {
  ask,
  blobUrl,
  json,
  manifestOf,
  post,
  askGraph,
  INVOICE,
  small,
  type Answer,
  type PlainManifest,
} from './sandbox-client.js';

interface Seen {
  /** The blob as it should be. */
  readonly whole: Answer;
  /** The answer while the fault fires. */
  readonly faulty: Answer;
  readonly url: string;
}

function storageError(status: number, code: string): (seen: Seen) => void {
  return ({ faulty }) => {
    expect([faulty.status, faulty.headers['x-ms-error-code']]).toEqual([status, code]);
    expect(faulty.body.toString()).toContain(`<Code>${code}</Code>`);
  };
}

function half({ whole, faulty }: Seen): void {
  expect([faulty.status, faulty.cut]).toEqual([200, true]);
  expect(faulty.headers['content-length']).toBe(String(whole.body.length));
  expect(faulty.body.length).toBeGreaterThan(0);
  expect(faulty.body.equals(whole.body.subarray(0, faulty.body.length))).toBe(true);
  expect(Math.abs(faulty.body.length - whole.body.length / 2)).toBeLessThanOrEqual(1);
}

/** A damaged blob comes whole by its own length, with the digest of the right bytes. */
function damaged({ whole, faulty }: Seen): void {
  expect([faulty.status, faulty.cut]).toEqual([200, false]);
  expect(faulty.headers['content-length']).toBe(String(faulty.body.length));
  expect(faulty.headers['content-md5']).toBe(whole.headers['content-md5']);
  expect(faulty.body.equals(whole.body)).toBe(false);
}

const CHECKS: Record<keyof typeof BLOB_FAULTS, (seen: Seen) => void | Promise<void>> = {
  'blob-403': storageError(403, 'AuthorizationFailure'),
  'blob-404': storageError(404, 'BlobNotFound'),
  'blob-500': storageError(500, 'InternalError'),
  'blob-503': storageError(503, 'ServerBusy'),
  'blob-redirect': ({ faulty }) => {
    expect([faulty.status, faulty.headers.location]).toEqual([302, 'http://localhost:9/elsewhere']);
  },
  'blob-html': ({ faulty }) => {
    expect([faulty.status, faulty.headers['content-type']]).toEqual([200, 'text/html']);
  },
  'blob-cut': half,
  'blob-stalled': half,
  'blob-truncated-gzip': (seen) => {
    damaged(seen);
    expect(seen.faulty.body.length).toBe(seen.whole.body.length - 10);
    expect(() => gunzipSync(seen.faulty.body)).toThrow();
  },
  'blob-cut-between-members': (seen) => {
    damaged(seen);
    const lines = gunzipSync(seen.faulty.body).toString().split('\n').length;
    expect(lines).toBeGreaterThan(1);
    expect(lines).toBeLessThan(gunzipSync(seen.whole.body).toString().split('\n').length);
  },
  'blob-flipped-byte': (seen) => {
    damaged(seen);
    const differing = [...seen.whole.body].filter((byte, index) => byte !== seen.faulty.body[index]);
    expect([seen.faulty.body.length, differing.length]).toEqual([seen.whole.body.length, 1]);
    expect(() => gunzipSync(seen.faulty.body)).toThrow();
  },
  'blob-trailing-bytes': (seen) => {
    damaged(seen);
    expect(seen.faulty.body.subarray(seen.whole.body.length).toString()).toBe('no gzip!');
  },
  'blob-no-md5': ({ whole, faulty }) => {
    expect(faulty.headers['content-md5']).toBeUndefined();
    expect(faulty.body.equals(whole.body)).toBe(true);
  },
  'blob-content-encoding': ({ whole, faulty }) => {
    expect(faulty.headers['content-encoding']).toBe('gzip');
    expect(faulty.body.equals(whole.body)).toBe(true);
  },
  'blob-ignores-range': ({ whole, faulty }) => {
    expect(faulty.status).toBe(200);
    expect(faulty.body.equals(whole.body)).toBe(true);
  },
  'blob-changed': async ({ whole, faulty, url }) => {
    expect(faulty.headers.etag).not.toBe(whole.headers.etag);
    const resumed = await ask(url, { headers: { 'if-match': whole.headers.etag ?? '' } });
    expect([resumed.status, resumed.headers['x-ms-error-code']]).toEqual([412, 'ConditionNotMet']);
  },
  'sas-expires-midway': async (seen) => {
    half(seen);
    const resumed = await ask(seen.url, { headers: { range: `bytes=${seen.faulty.body.length}-` } });
    expect([resumed.status, resumed.headers['x-ms-error-code']]).toEqual([403, 'AuthenticationFailed']);
    expect(resumed.body.toString()).toContain('Signature not valid in the specified time frame');
  },
};

describe('a fault of a blob', () => {
  it.each(Object.entries(CHECKS))('%s is seen on the wire once, and then no more', async (name, check) => {
    const sandbox = await small({ faults: name === 'blob-cut-between-members' ? ['blob-multi-member'] : [] });
    const location = (await post(sandbox, 'billed_usage', INVOICE)).headers.location ?? '';
    const read = async () => json(await askGraph(sandbox, location))['resourceLocation'] as PlainManifest;
    const url = blobUrl(await read());
    const whole = await ask(url);
    sandbox.setFaults([`${name as FaultName}:1`]);
    const headers: Record<string, string> = name === 'blob-ignores-range' ? { range: 'bytes=5-9' } : {};
    const faulty = await ask(url, { patienceMs: 200, headers });
    await check({ whole, faulty, url });
    const fresh = await ask(blobUrl(await read()));
    await sandbox.close();
    expect([whole.status, whole.cut, fresh.status]).toEqual([200, false, 200]);
    expect(fresh.body.equals(whole.body)).toBe(true);
  });

  it('that cuts every read lets a reader that resumes come to the end', async () => {
    const sandbox = await small({ faults: ['blob-cut'] });
    const url = blobUrl(await manifestOf(sandbox));
    const chunks: Buffer[] = [];
    let reads = 0;
    let position = 0;
    for (let cut = true; cut; reads++) {
      const answer = await ask(url, { headers: { range: `bytes=${position}-` } });
      chunks.push(answer.body);
      position += answer.body.length;
      cut = answer.cut;
    }
    await sandbox.close();
    expect(reads).toBeGreaterThan(3);
    expect(gunzipSync(Buffer.concat(chunks)).toString().trimEnd().split('\n')).toHaveLength(60);
  });
});
