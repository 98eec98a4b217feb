import { describe, expect, it } from 'vitest';
import {
  bodyProblems,
  graphErrorSchema,
  isOperationBody,
  manifestSchema,
  operationSchema,
} from '../../schemas/graph.js';

const MANIFEST = {
  id: 'manifest-1',
  eTag: 'RwDrn7fbiTXy6UULE',
  partnerTenantId: '0e195b37-4574-4539-bc42-0e539b9684c0',
  rootDirectory: 'https://account.blob.core.windows.net/container/v1',
  sasToken: 'sig=abc',
  blobCount: 1,
  blobs: [{ name: 'part-0.json.gz', partitionValue: 'default' }],
};

describe('an operation', () => {
  it('is read in any letter case, null like absent, and unknown members are left out', () => {
    const operation = operationSchema.parse({
      '@OData.Type': '#microsoft.graph.partners.billing.failedOperation',
      ID: 'operation-1',
      Status: 'failed',
      resourceLocation: null,
      Error: { Code: 5000, Message: 'No data available', InnerError: { date: 'x' } },
      surprise: true,
    });
    expect(operation).toMatchObject({ id: 'operation-1', status: 'failed', error: { code: '5000' } });
    expect(operation).not.toHaveProperty('resourceLocation');
    expect(operation).not.toHaveProperty('surprise');
  });

  it('may carry malformed timestamps, for nothing is decided by them', () => {
    expect(
      operationSchema.parse({ status: 'running', createdDateTime: 12, lastActionDateTime: 'x' }),
    ).toMatchObject({
      status: 'running',
    });
  });

  it.each([['text'], [12], [null], [['array']]])('is not %j', (body) => {
    expect(operationSchema.safeParse(body).success).toBe(false);
  });

  it('is told from a manifest by its status or by where it says its manifest is', () => {
    expect(isOperationBody({ id: 'x', Status: 'running' })).toBe(true);
    expect(isOperationBody({ 'resourceLocation@odata.navigationLink': 'https://x' })).toBe(true);
    expect(isOperationBody(MANIFEST)).toBe(false);
    expect(isOperationBody(null)).toBe(false);
  });
});

describe('a manifest', () => {
  it.each([
    ['as documented', MANIFEST, {}],
    ['with SASToken', { ...MANIFEST, sasToken: undefined, SASToken: 'sig=abc' }, { sasToken: 'sig=abc' }],
    [
      'with rootFolder',
      { ...MANIFEST, rootDirectory: undefined, rootFolder: 'https://a/b' },
      { rootDirectory: 'https://a/b' },
    ],
    ['with version as a number', { ...MANIFEST, version: 2 }, { schemaVersion: '2' }],
    [
      'with utcCreatedDateTime',
      { ...MANIFEST, utcCreatedDateTime: '2024-01-01T00:00:00Z' },
      { createdDateTime: '2024-01-01T00:00:00Z' },
    ],
    [
      'with utcCretedDateTime',
      { ...MANIFEST, utcCretedDateTime: '2024-01-01T00:00:00Z' },
      { createdDateTime: '2024-01-01T00:00:00Z' },
    ],
    ['with blobCount as text', { ...MANIFEST, blobCount: '1' }, { blobCount: 1 }],
    [
      'with sizeinBytes',
      { ...MANIFEST, blobs: [{ Name: 'a.gz', sizeinBytes: 12 }] },
      { blobs: [{ name: 'a.gz', sizeInBytes: 12 }] },
    ],
    ['with blobs null', { ...MANIFEST, blobs: null }, { eTag: MANIFEST.eTag }],
    ['with unknown members', { ...MANIFEST, surprise: { deep: true } }, { id: 'manifest-1' }],
  ])('%s is read', (_name, body, expected) => {
    expect(manifestSchema.parse(body)).toMatchObject(expected);
  });

  it.each([
    ['a negative blobCount', { ...MANIFEST, blobCount: -1 }, 'blobCount'],
    ['a negative blobCount as text', { ...MANIFEST, blobCount: '-1' }, 'blobCount'],
    ['half a blobCount', { ...MANIFEST, blobCount: 1.5 }, 'blobCount'],
    ['no eTag', { ...MANIFEST, eTag: undefined }, 'eTag'],
    ['a blob without a name', { ...MANIFEST, blobs: [{ partitionValue: '1' }] }, 'blobs.0.name'],
    ['blobs as an object', { ...MANIFEST, blobs: {} }, 'blobs'],
  ])('with %s is not, and the problem names the member', (_name, body, member) => {
    const parsed = manifestSchema.safeParse(body);
    expect(parsed.success ? '' : bodyProblems(parsed.error)).toContain(`${member}:`);
  });

  it('is quoted nowhere in its problems', () => {
    const parsed = manifestSchema.safeParse({ ...MANIFEST, sasToken: 12, eTag: ['planted'] });
    expect(parsed.success ? '' : bodyProblems(parsed.error)).not.toMatch(/planted|12/);
  });
});

it('an error body has texts for code and message, whatever is missing', () => {
  expect(graphErrorSchema.parse({})).toMatchObject({ code: '', message: '' });
  expect(graphErrorSchema.parse({ code: 5000, message: 'none' })).toMatchObject({
    code: '5000',
    message: 'none',
  });
});
