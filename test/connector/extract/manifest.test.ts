import { describe, expect, it } from 'vitest';
import { billingMonthOf, checkManifest, instantOf, isSameData } from '../../../connector/extract/manifest.js';
import { ConfigError, IntegrityError } from '../../../schemas/errors.js';
import { manifestRecordSchema } from '../../../schemas/load-package.js';
import { errorOf, everythingIn, TENANT } from './scene.js';

const SAS = 'skoid=a&sktid=b&se=2026-11-23T11%3A00%3A00Z&sr=d&sp=rl&sdd=7&sig=pl%2Banted%2Fsig%3D';
const ROOT =
  'https://account.blob.core.windows.net/unbilled/v1/202410110000/PartnerTenantId=x/BillingMonth=202410/Currency=INR';
const BODY = {
  id: 'manifest-1',
  schemaVersion: '2',
  dataFormat: 'compressedJSON',
  createdDateTime: '2024-09-08T09:37:11.895Z',
  eTag: 'RwDrn7fbiTXy6UULE',
  partnerTenantId: TENANT.toUpperCase(),
  rootDirectory: ROOT,
  sasToken: SAS,
  partitionType: 'default',
  blobCount: 2,
  blobs: [
    { name: 'part-0.json.gz', partitionValue: 'default' },
    { name: 'part-1.json.gz', partitionValue: 'default' },
  ],
};

function check(changes: Readonly<Record<string, unknown>> = {}) {
  const source = {
    readFrom: 'https://graph.microsoft.com/v1.0/reports/partners/billing/operations/1',
    readAt: new Date('2026-11-23T10:00:00Z'),
    operationId: 'operation-1',
    requestId: 'request-1',
    place: 'billed_usage G016907411',
    tenantId: TENANT,
    storageHosts: ['*.blob.core.windows.net'],
  };
  return checkManifest(JSON.parse(JSON.stringify({ ...BODY, ...changes })), source);
}

describe('a manifest', () => {
  it('becomes a record without its SAS, and the SAS letter for letter', () => {
    const { record, sas, countAgrees, notes } = check();
    expect(sas).toBe(SAS);
    expect(countAgrees).toBe(true);
    expect(notes).toEqual([]);
    expect(JSON.stringify(record)).not.toContain('sig');
    expect(manifestRecordSchema.parse(record)).toEqual(record);
    expect(record).toMatchObject({
      id: 'manifest-1',
      eTag: 'RwDrn7fbiTXy6UULE',
      partnerTenantId: TENANT,
      billingMonth: '2024-10',
      createdAt: '2024-09-08T09:37:11.895Z',
      operationId: 'operation-1',
    });
  });

  it.each([
    ['sasToken with a question mark', { sasToken: `?${SAS}` }],
    ['SASToken', { sasToken: undefined, SASToken: SAS }],
    ['rootFolderSAS as a token', { sasToken: undefined, rootFolderSAS: SAS }],
    ['rootFolderSAS as an address', { sasToken: undefined, rootFolderSAS: `${ROOT}?${SAS}` }],
    [
      'rootFolderSAS as the only address',
      { sasToken: undefined, rootDirectory: undefined, rootFolderSAS: `${ROOT}?${SAS}` },
    ],
    ['rootFolder', { rootDirectory: undefined, rootFolder: ROOT }],
    ['RootDirectory with a slash at its end', { rootDirectory: undefined, RootDirectory: `${ROOT}/` }],
  ])('with %s gives the same', (_name, changes) => {
    const { record, sas } = check(changes);
    expect([record.rootDirectory, sas]).toEqual([ROOT, SAS]);
  });

  it('without blobs needs no SAS and is valid', () => {
    const { record, sas, countAgrees } = check({ blobs: [], blobCount: 0, sasToken: undefined });
    expect([record.blobs, sas, countAgrees]).toEqual([[], null, true]);
    expect(check({ blobs: undefined, blobCount: 0 }).record.blobs).toEqual([]);
  });

  it('notes a count that is missing, a format that nobody knows, a date that is none', () => {
    expect(check({ blobCount: undefined }).notes).toEqual([expect.stringContaining('no blobCount')]);
    expect(check({ dataFormat: 'parquet' }).notes).toEqual([expect.stringContaining('parquet')]);
    const { notes, record } = check({ createdDateTime: 'yesterday' });
    expect(notes).toEqual([expect.stringContaining('createdDateTime')]);
    expect(record.createdAt).toBeUndefined();
    expect(check({ dataFormat: 'compressedJSONLines' }).notes).toEqual([]);
  });

  it('whose count differs from its list says so', () => {
    expect(check({ blobCount: 3 }).countAgrees).toBe(false);
    expect(check({ blobs: [], blobCount: 1, sasToken: undefined }).countAgrees).toBe(false);
  });

  it('of another tenant is a matter of configuration', () => {
    expect(() => check({ partnerTenantId: '99999999-4574-4539-bc42-0e539b9684c0' })).toThrow(ConfigError);
  });

  it('on another storage host is a matter of configuration', () => {
    expect(() => check({ rootDirectory: 'https://evil.example.test/c' })).toThrow(ConfigError);
  });

  it.each([
    ['no list of blobs and no count', { blobs: undefined, blobCount: undefined }],
    ['no list of blobs and a count', { blobs: undefined }],
    ['a negative count', { blobCount: -1 }],
    ['no eTag', { eTag: undefined }],
    ['no id', { id: undefined }],
    ['no tenant', { partnerTenantId: undefined }],
    ['no root directory', { rootDirectory: undefined }],
    ['blobs and no SAS', { sasToken: undefined }],
    ['a SAS with a line break', { sasToken: 'sig=a\nb' }],
    ['a SAS with a fragment', { sasToken: 'sig=a#b' }],
    ['blob names that trick', { blobs: [{ name: '../x' }], blobCount: 1 }],
    ['blob names that repeat', { blobs: [{ name: 'x' }, { name: 'x' }] }],
    ['a root directory that tricks', { rootDirectory: `${ROOT}/../..` }],
  ])('with %s is refused', async (_name, changes) => {
    const error = await errorOf(
      new Promise((resolve) => {
        resolve(check(changes));
      }),
    );
    expect(error).toBeInstanceOf(IntegrityError);
    expect(everythingIn(error)).not.toContain('anted');
  });
});

describe('two readings of a manifest', () => {
  it('are of the same data when eTag, directory and blobs are the same, in any order, whatever the SAS', () => {
    const { record } = check();
    expect(
      isSameData(record, check({ sasToken: 'sig=other', blobs: [...BODY.blobs].reverse() }).record),
    ).toBe(true);
    expect(isSameData(record, check({ eTag: 'rwDrn7fbiTXy6UULE' }).record)).toBe(false);
    expect(isSameData(record, check({ blobs: [{ name: 'x' }, { name: 'y' }] }).record)).toBe(false);
    expect(isSameData(record, check({ rootDirectory: `${ROOT}/v2` }).record)).toBe(false);
  });
});

describe('texts of a manifest', () => {
  it.each([
    ['2023-03-09T08:12:53', '2023-03-09T08:12:53Z'],
    ['2023-03-09T08:37:48.5046691Z', '2023-03-09T08:37:48.5046691Z'],
    ['2023-03-09T08:37:34.87Z', '2023-03-09T08:37:34.87Z'],
    ['2019-02-04T09:22:40.176-08:00', '2019-02-04T17:22:40.176Z'],
    ['2023-13-09T08:12:53Z', null],
    ['', null],
    [12, null],
    [undefined, null],
  ])('the instant %j is %j', (value, expected) => {
    expect(instantOf(value)).toBe(expected);
  });

  it.each([
    [ROOT, '2024-10'],
    ['https://a.test/c/billingmonth=202401', '2024-01'],
    ['https://a.test/c/BillingMonth=202413/x', null],
    ['https://a.test/c/BillingMonth=2024100/x', null],
    ['https://a.test/c', null],
  ])('the billing month of %s is %j', (root, expected) => {
    expect(billingMonthOf(root)).toBe(expected);
  });
});
