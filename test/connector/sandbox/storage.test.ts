import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { BlobClient, RestError } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../../connector/sandbox/sandbox.js';
import { ask, blobUrl, manifestOf, NOW, small, USAGE, type PlainManifest } from './sandbox-client.js';

const HOUR = 3_600_000;

describe('the SAS of the sandbox', () => {
  let now = NOW;
  let sandbox: Sandbox;
  let manifest: PlainManifest;
  beforeAll(async () => {
    sandbox = await small({ now: () => now });
    manifest = await manifestOf(sandbox);
  });
  afterAll(() => sandbox.close());

  const withSas = (change: (sas: string) => string): string =>
    blobUrl({ ...manifest, sasToken: change(manifest.sasToken) });

  it('has the keys of a user-delegation SAS in the observed order, percent-encoded, for one hour', () => {
    expect(manifest.sasToken.split('&').map((pair) => pair.split('=')[0])).toEqual([
      'skoid',
      'sktid',
      'skt',
      'ske',
      'sks',
      'skv',
      'sv',
      'se',
      'sr',
      'sp',
      'sdd',
      'sig',
    ]);
    expect(manifest.sasToken).toContain('skt=2026-11-23T12%3A00%3A00Z');
    expect(manifest.sasToken).toContain('se=2026-11-23T13%3A00%3A00Z');
    expect(manifest.sasToken).toContain('&sks=b&skv=2021-08-06&sv=2021-08-06&');
    expect(manifest.sasToken).toContain('&sr=d&sp=rl&sdd=7&sig=');
    expect(manifest.sasToken).not.toMatch(/[+/:]|=[^&]*=/);
  });

  it('signs with + and / among the signatures, so that decoding one breaks it', async () => {
    const signatures: string[] = [];
    for (let read = 0; read < 20; read++) {
      const { sasToken } = await manifestOf(sandbox);
      signatures.push(sasToken.replace(/^.*&sig=/, ''));
    }
    expect(signatures.some((signature) => signature.includes('%2B'))).toBe(true);
    expect(signatures.some((signature) => signature.includes('%2F'))).toBe(true);
  });

  it('opens a blob of its directory', async () => {
    const { status, body } = await ask(blobUrl(manifest));
    expect(status).toBe(200);
    expect(gunzipSync(body).toString('utf8')).toMatch(/^\{"PartnerId"/);
  });

  it('does not open the same directory of another scope', async () => {
    const other = await manifestOf(sandbox, 'billed_usage', { invoiceId: 'G016907412' });
    const { status, body } = await ask(blobUrl({ ...other, sasToken: manifest.sasToken }));
    expect(status).toBe(403);
    expect(body.toString()).toContain('<Code>AuthenticationFailed</Code>');
    expect(body.toString()).toContain('<AuthenticationErrorDetail>Signature did not match');
  });

  it.each([
    ['a longer life', (sas: string) => sas.replace('T13%3A00', 'T23%3A00')],
    ['more permissions', (sas: string) => sas.replace('sp=rl', 'sp=rwl')],
    ['a wider directory', (sas: string) => sas.replace('sdd=7', 'sdd=6')],
    ['another resource kind', (sas: string) => sas.replace('sr=d', 'sr=c')],
    ['another signature', (sas: string) => sas.replace(/sig=../, 'sig=AA')],
    ['a signature whose plus became a blank', (sas: string) => `${sas.replace(/sig=.*/, '')}sig=a+b%3D`],
    ['a depth that is no number', (sas: string) => sas.replace('sdd=7', 'sdd=x')],
    ['a depth beyond the path', (sas: string) => sas.replace('sdd=7', 'sdd=70')],
  ])('is refused with %s', async (_what, change) => {
    const answer = await ask(withSas(change));
    expect(answer.status).toBe(403);
    expect(answer.headers['x-ms-error-code']).toBe('AuthenticationFailed');
  });

  it('is needed: without one storage asks for authentication', async () => {
    const answer = await ask(`${manifest.rootDirectory}/${manifest.blobs[0]?.name ?? ''}`);
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([401, 'NoAuthenticationInformation']);
  });

  it('allows no writing, and a bearer token beside it is an error', async () => {
    const put = await ask(blobUrl(manifest), { method: 'PUT', body: 'x' });
    expect([put.status, put.headers['x-ms-error-code']]).toEqual([403, 'AuthorizationPermissionMismatch']);
    const bearer = await ask(blobUrl(manifest), { headers: { Authorization: `Bearer ${sandbox.token}` } });
    expect([bearer.status, bearer.headers['x-ms-error-code']]).toEqual([400, 'InvalidAuthenticationInfo']);
  });

  it('expires to the second, with the times in the error; a fresh one opens the same blob', async () => {
    now = new Date(NOW.getTime() + HOUR - 1);
    expect((await ask(blobUrl(manifest))).status).toBe(200);
    now = new Date(NOW.getTime() + HOUR);
    const expired = await ask(blobUrl(manifest));
    const fresh = await manifestOf(sandbox);
    const opened = await ask(blobUrl(fresh));
    now = NOW;
    expect(expired.status).toBe(403);
    expect(expired.body.toString()).toMatch(
      /^\ufeff<\?xml version="1.0" encoding="utf-8"\?><Error><Code>AuthenticationFailed<\/Code>/,
    );
    expect(expired.body.toString()).toContain(
      'Signature not valid in the specified time frame: Start [Mon, 23 Nov 2026 12:00:00 GMT] - Expiry [Mon, 23 Nov 2026 13:00:00 GMT] - Current [Mon, 23 Nov 2026 13:00:00 GMT]',
    );
    expect([opened.status, fresh.eTag]).toEqual([200, manifest.eTag]);
  });
});

describe('a blob of the sandbox', () => {
  let sandbox: Sandbox;
  let url: string;
  let whole: Buffer;
  beforeAll(async () => {
    sandbox = await small();
    url = blobUrl(await manifestOf(sandbox));
    whole = (await ask(url)).body;
  });
  afterAll(() => sandbox.close());

  it('comes with length, digest and the headers of storage', async () => {
    const { headers } = await ask(url, {
      headers: { 'x-ms-client-request-id': 'mine', 'x-ms-version': '2026-04-06' },
    });
    expect(headers).toMatchObject({
      'content-length': String(whole.length),
      'content-md5': createHash('md5').update(whole).digest('base64'),
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'x-ms-blob-type': 'BlockBlob',
      'x-ms-version': '2026-04-06',
      'x-ms-client-request-id': 'mine',
      'last-modified': 'Sun, 08 Nov 2026 09:37:00 GMT',
      date: 'Mon, 23 Nov 2026 12:00:00 GMT',
    });
    expect(headers.etag).toMatch(/^"0x8D[0-9A-F]{12}"$/);
    expect(headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers['content-encoding']).toBeUndefined();
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { status, headers, body } = await ask(url, { method: 'HEAD' });
    expect([status, headers['content-length'], body.length]).toEqual([200, String(whole.length), 0]);
  });

  it.each([
    ['range', 'bytes=0-9', 0, 10],
    ['range', 'bytes=100-', 100, undefined],
    ['x-ms-range', 'bytes=50-59', 50, 60],
    ['range', 'bytes=10-99999999', 10, undefined],
  ])('answers %s %s with 206 and that part', async (header, value, from, to) => {
    const { status, headers, body } = await ask(url, { headers: { [header]: value } });
    const part = whole.subarray(from, to);
    expect(status).toBe(206);
    expect(body.equals(part)).toBe(true);
    expect(headers['content-range']).toBe(`bytes ${from}-${from + part.length - 1}/${whole.length}`);
    expect(headers['content-md5']).toBeUndefined();
    expect(headers['x-ms-blob-content-md5']).toBe(createHash('md5').update(whole).digest('base64'));
  });

  it('answers a range behind the end with 416 and a range it cannot read with the whole', async () => {
    const behind = await ask(url, { headers: { range: `bytes=${whole.length}-` } });
    expect([behind.status, behind.headers['x-ms-error-code'], behind.headers['content-range']]).toEqual([
      416,
      'InvalidRange',
      `bytes */${whole.length}`,
    ]);
    expect((await ask(url, { headers: { range: 'bytes=-5' } })).status).toBe(200);
  });

  it('holds If-Match and If-None-Match against its ETag', async () => {
    const { headers } = await ask(url, { method: 'HEAD' });
    const eTag = headers.etag ?? '';
    const status = async (header: string, value: string) =>
      (await ask(url, { headers: { [header]: value } })).status;
    expect(await status('if-match', eTag)).toBe(200);
    expect(await status('if-match', '*')).toBe(200);
    expect(await status('if-match', '"0x8DOTHER"')).toBe(412);
    expect(await status('if-none-match', eTag)).toBe(304);
  });

  it('is 404 BlobNotFound under another name, for who may look', async () => {
    const { status, headers, body } = await ask(url.replace('.c000.json.gz', '.c001.json.gz'));
    expect([status, headers['x-ms-error-code']]).toEqual([404, 'BlobNotFound']);
    expect(body.toString()).toContain('<Code>BlobNotFound</Code>');
  });

  it('has another ETag after a restatement, at another address', async () => {
    const other = await small();
    const before = blobUrl(await manifestOf(other));
    const first = (await ask(before, { method: 'HEAD' })).headers.etag;
    other.restate(USAGE, { changed: 1 });
    const after = blobUrl(await manifestOf(other));
    const second = (await ask(after, { method: 'HEAD' })).headers.etag;
    await other.close();
    expect(after.split('?')[0]).not.toBe(before.split('?')[0]);
    expect(second).not.toBe(first);
  });
});

describe('@azure/storage-blob against the sandbox', () => {
  it('downloads with the SAS verbatim, whole and by range, and reads the errors', async () => {
    const sandbox = await small();
    const manifest = await manifestOf(sandbox);
    const whole = (await ask(blobUrl(manifest))).body;
    const client = new BlobClient(blobUrl(manifest), undefined, { retryOptions: { maxTries: 1 } });
    const all = await client.download();
    const body = await buffer(all.readableStreamBody as Readable);
    const part = await client.download(10, 20, { conditions: { ifMatch: all.etag ?? '' } });
    const partBody = await buffer(part.readableStreamBody as Readable);
    const properties = await client.getProperties();
    const expired = new BlobClient(
      blobUrl({ ...manifest, sasToken: manifest.sasToken.replace('sp=rl', 'sp=r') }),
    );
    const refusal: unknown = await expired.download().catch((error: unknown) => error);
    const changed: unknown = await client
      .download(0, undefined, { conditions: { ifMatch: '"other"' } })
      .catch((error: unknown) => error);
    await sandbox.close();
    expect(body.equals(whole)).toBe(true);
    expect(all.contentLength).toBe(whole.length);
    expect(partBody.equals(whole.subarray(10, 30))).toBe(true);
    expect(part.contentRange).toBe(`bytes 10-29/${whole.length}`);
    expect(Buffer.from(properties.contentMD5 ?? []).toString('base64')).toBe(
      createHash('md5').update(whole).digest('base64'),
    );
    expect(refusal).toBeInstanceOf(RestError);
    expect(refusal).toMatchObject({ statusCode: 403, code: 'AuthenticationFailed' });
    expect(changed).toMatchObject({ statusCode: 412, code: 'ConditionNotMet' });
  });
});
