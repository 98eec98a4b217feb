import { describe, expect, it } from 'vitest';
import type { FaultName, Sandbox } from '../../../connector/sandbox/sandbox.js';
import type { MANIFEST_FAULTS } from '../../../connector/sandbox/faults.js';
import {
  ask,
  askGraph,
  blobUrl,
  json,
  manifestOf,
  operationOf,
  small,
  type PlainManifest,
} from './sandbox-client.js';

type Operation = Record<string, unknown>;
type Check = (
  manifest: Record<string, unknown>,
  sandbox: Sandbox,
  operation: Operation,
) => void | Promise<void>;

async function opens(url: string): Promise<boolean> {
  return (await ask(url)).status === 200;
}

async function linked(sandbox: Sandbox, url: unknown): Promise<void> {
  expect(url).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/v1\.0\/reports\/partners\/billing\/manifests\/[0-9a-f-]{36}$/,
  );
  const manifest = json(await askGraph(sandbox, String(url))) as unknown as PlainManifest;
  expect(String(url).endsWith(manifest.id)).toBe(true);
  expect(await opens(blobUrl(manifest))).toBe(true);
}

function gone(status: number, retryAfter?: string): Check {
  return async (_manifest, sandbox, operation) => {
    const url = String(operation['resourceLocation@odata.navigationLink']);
    const answers = [await askGraph(sandbox, url), await askGraph(sandbox, url)];
    expect(answers.map((answer) => answer.status)).toEqual([status, 200]);
    expect(answers[0]?.headers['retry-after']).toBe(retryAfter);
  };
}

const CHECKS: Record<keyof typeof MANIFEST_FAULTS, Check> = {
  'manifest-link': async (_manifest, sandbox, operation) => {
    expect(operation).not.toHaveProperty('resourceLocation');
    await linked(sandbox, operation['resourceLocation@odata.navigationLink']);
  },
  'manifest-string': async (_manifest, sandbox, operation) => {
    await linked(sandbox, operation['resourceLocation']);
  },
  'manifest-legacy-names': async (manifest) => {
    expect(Object.keys(manifest).sort()).toEqual(
      [
        'blobCount',
        'blobs',
        'dataFormat',
        'eTag',
        'id',
        'partitionType',
        'partnerTenantId',
        'rootFolder',
        'rootFolderSAS',
        'utcCreatedDateTime',
        'version',
      ].sort(),
    );
    const [root = '', sas = ''] = String(manifest['rootFolderSAS']).split('?');
    expect(root).toBe(manifest['rootFolder']);
    const [blob] = manifest['blobs'] as { name: string }[];
    expect(await opens(`${root}/${blob?.name ?? ''}?${sas}`)).toBe(true);
  },
  'manifest-sas-upper': (manifest) => {
    expect(manifest).not.toHaveProperty('sasToken');
    expect(manifest['SASToken']).toMatch(/^skoid=/);
  },
  'manifest-sas-question-mark': (manifest) => {
    expect(manifest['sasToken']).toMatch(/^\?skoid=/);
  },
  'manifest-json-lines': (manifest) => {
    expect(manifest).toMatchObject({
      dataFormat: 'compressedJSONLines',
      partitionType: 'Default',
      schemaVersion: '1',
    });
  },
  'manifest-item-count': (manifest) => {
    expect(manifest).toMatchObject({
      partitionType: 'ItemCount',
      blobs: [{ partitionValue: '1' }, { partitionValue: '2' }],
    });
  },
  'manifest-blob-sizes': async (manifest) => {
    const [blob] = manifest['blobs'] as { sizeInBytes: number; itemCount: number }[];
    const answer = await ask(blobUrl(manifest as unknown as PlainManifest));
    expect(blob).toMatchObject({ sizeInBytes: answer.body.length, itemCount: 60 });
  },
  'manifest-unknown-members': (manifest) => {
    expect(manifest).toMatchObject({ futureMember: { nested: [1, null] } });
  },
  'manifest-trailing-slash': (manifest) => {
    expect(manifest['rootDirectory']).toMatch(/PartitionType=default\/$/);
  },
  'manifest-blob-count': (manifest) => {
    expect([manifest['blobCount'], (manifest['blobs'] as unknown[]).length]).toEqual([3, 2]);
  },
  'manifest-no-blob-count': (manifest) => {
    expect(manifest).not.toHaveProperty('blobCount');
  },
  'manifest-no-blobs': (manifest) => {
    expect(manifest).toMatchObject({ blobCount: 0, blobs: [] });
  },
  'manifest-other-tenant': (manifest, sandbox) => {
    expect(manifest['partnerTenantId']).not.toBe(sandbox.tenantId);
  },
  'manifest-other-host': (manifest) => {
    expect(manifest['rootDirectory']).toMatch(/^https:\/\/storage\.example\.net\//);
  },
  'manifest-path-trick': (manifest) => {
    expect(manifest['blobs']).toMatchObject([{ name: expect.stringMatching(/^\.\.\/part-/) as string }, {}]);
  },
  'manifest-404': gone(404),
  'manifest-410': gone(410),
  'manifest-503': gone(503, '1'),
  'etag-changes': async (manifest, sandbox) => {
    const url = `/reports/partners/billing/manifests/${String(manifest['id'])}`;
    const read = async () => json(await askGraph(sandbox, url)) as unknown as PlainManifest;
    const reads = [await read(), await read(), await read()] as const;
    expect(reads[0].eTag).toBe(manifest['eTag']);
    expect(reads[1].eTag).not.toBe(manifest['eTag']);
    expect(reads[2].eTag).toBe(reads[1].eTag);
    const [, changed] = reads;
    expect(await opens(blobUrl(changed))).toBe(true);
    expect((await manifestOf(sandbox)).eTag).toBe(changed.eTag);
  },
  'sas-wrong': async (manifest) => {
    const answer = await ask(blobUrl(manifest as unknown as PlainManifest));
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([403, 'AuthenticationFailed']);
  },
};

describe('a fault of the manifest', () => {
  it.each(Object.entries(CHECKS))(
    '%s is seen on the wire, and no more when it is off',
    async (name, check) => {
      const needsLink = /^manifest-\d/.test(name);
      const sandbox = await small({
        faults: [`${name as FaultName}:1`, ...(needsLink ? (['manifest-link:1'] as const) : [])],
      });
      const operation = await operationOf(sandbox);
      await check((operation['resourceLocation'] ?? {}) as Record<string, unknown>, sandbox, operation);
      sandbox.setFaults([]);
      const plain = await manifestOf(sandbox);
      const isOpen = await opens(blobUrl(plain));
      await sandbox.close();
      expect(plain.blobCount).toBe(plain.blobs.length);
      expect(isOpen).toBe(true);
    },
  );
});
