import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../../connector/sandbox/sandbox.js';
import {
  ask,
  askGraph,
  INVOICE,
  json,
  manifestOf,
  NOW,
  operationOf,
  post,
  small,
  USAGE,
} from './sandbox-client.js';

describe('an export of the sandbox', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await small();
  });
  afterAll(() => sandbox.close());

  it('is refused without the right token, Partner Center’s included', async () => {
    const none = await ask(`${sandbox.graphUrl}/reports/partners/billing/operations/1`);
    expect(none.status).toBe(401);
    expect(json(none)).toMatchObject({ error: { code: 'InvalidAuthenticationToken' } });
    const wrong = await ask(`${sandbox.graphUrl}/reports/partners/billing/operations/1`, {
      headers: { Authorization: `Bearer ${sandbox.partnerCenterToken}` },
    });
    expect(wrong.status).toBe(401);
  });

  it('echoes client-request-id and tells its own request-id and the date of its clock', async () => {
    const answer = await askGraph(sandbox, '/reports/partners/billing/operations/none', {
      headers: { 'client-request-id': '0b7e6f3e-0000-4000-8000-000000000001' },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers['client-request-id']).toBe('0b7e6f3e-0000-4000-8000-000000000001');
    expect(answer.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.date).toBe('Mon, 23 Nov 2026 12:00:00 GMT');
  });

  it.each([
    ['a missing invoice id', 'billed_usage', {}],
    ['an invoice id with a blank', 'billed_usage', { invoiceId: 'G 1' }],
    ['an unknown attribute set', 'billed_reconciliation', { ...INVOICE, attributeSet: 'unknownFutureValue' }],
    ['an unknown parameter', 'billed_usage', { ...INVOICE, fragment: 'full' }],
    ['a missing currency', 'unbilled_usage', { billingPeriod: 'current' }],
    ['a currency of four letters', 'unbilled_usage', { billingPeriod: 'current', currencyCode: 'USDX' }],
    [
      'the period of an older API',
      'unbilled_reconciliation',
      { billingPeriod: 'previous', currencyCode: 'USD' },
    ],
    ['a body that is no JSON', 'billed_usage', '{'],
    ['a body that is no object', 'billed_usage', '[]'],
  ] as const)('is refused with 400 for %s', async (_what, stream, body) => {
    const answer = await post(sandbox, stream, body);
    expect(answer.status).toBe(400);
    expect(json(answer)).toMatchObject({ error: { code: 'invalidRequest' } });
  });

  it('is refused with 415 where the body is not declared as JSON', async () => {
    const path = '/reports/partners/billing/usage/billed/export';
    const answer = await askGraph(sandbox, path, { method: 'POST', body: JSON.stringify(INVOICE) });
    expect(answer.status).toBe(415);
  });

  it('ends failed with code "5000" for an invoice or a currency that has no data', async () => {
    for (const [stream, body] of [
      ['billed_usage', { invoiceId: 'D02005YFHI' }],
      ['unbilled_usage', { billingPeriod: 'last', currencyCode: 'SEK' }],
    ] as const) {
      const operation = await operationOf(sandbox, stream, body);
      expect(operation).toMatchObject({
        '@odata.type': '#microsoft.graph.partners.billing.failedOperation',
        status: 'failed',
        error: { code: '5000' },
      });
      expect(operation).not.toHaveProperty('resourceLocation');
    }
  });

  it('embeds a manifest of the documented shape, in the layout of the billed path', async () => {
    const manifest = await manifestOf(sandbox);
    expect(manifest).toMatchObject({
      schemaVersion: '2',
      dataFormat: 'compressedJSON',
      partnerTenantId: sandbox.tenantId,
      partitionType: 'default',
      blobCount: 2,
      eTag: sandbox.expected(USAGE).eTag,
    });
    expect(manifest.eTag).toMatch(/^[A-Za-z0-9]{17}$/);
    expect(manifest.rootDirectory).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/sandboxstorage\/billedusagefastpath\/v1\/PartnerTenantId=[0-9a-f-]{36}\/BillingMonth=202610\/InvoiceId=G016907411\/InvoiceVersion=\d{12}\/Fragment=full\/PartitionType=default$/,
    );
    expect(manifest.rootDirectory).toContain(`http://${sandbox.storageHost}/`);
    for (const { name } of manifest.blobs) expect(name).toMatch(/^part-\d{5}-[0-9a-f-]{36}\.c000\.json\.gz$/);
  });

  it('covers the real months of current and last, for lower-case currencies too', async () => {
    const months = [];
    for (const billingPeriod of ['current', 'last']) {
      const manifest = await manifestOf(sandbox, 'unbilled_usage', { billingPeriod, currencyCode: 'eur' });
      months.push(/BillingMonth=(\d{6})\/Currency=EUR\/Fragment=full/.exec(manifest.rootDirectory)?.[1]);
    }
    expect(months).toEqual(['202611', '202610']);
  });

  it('gives each attribute set an eTag of its own and a re-export the same one', async () => {
    const full = await manifestOf(sandbox);
    const again = await manifestOf(sandbox);
    const basic = await manifestOf(sandbox, 'billed_usage', { ...INVOICE, attributeSet: 'basic' });
    expect([again.eTag, again.id, again.rootDirectory]).toEqual([full.eTag, full.id, full.rootDirectory]);
    expect(basic.eTag).not.toBe(full.eTag);
    expect(basic.eTag).toBe(sandbox.expected(USAGE, 'basic').eTag);
  });

  it('mints a fresh SAS at each read of operation and manifest, of the same data', async () => {
    const location = (await post(sandbox, 'billed_usage', INVOICE)).headers.location ?? '';
    const reads = [json(await askGraph(sandbox, location)), json(await askGraph(sandbox, location))];
    const [first, second] = reads.map((read) => read['resourceLocation'] as Record<string, unknown>);
    const third = json(
      await askGraph(sandbox, `/reports/partners/billing/manifests/${String(first?.['id'])}`),
    );
    expect(new Set([first, second, third].map((manifest) => manifest?.['sasToken'])).size).toBe(3);
    expect(new Set([first, second, third].map((manifest) => manifest?.['eTag'])).size).toBe(1);
  });

  it('records every request without its query', async () => {
    sandbox.clearRequests();
    const manifest = await manifestOf(sandbox);
    await ask(`${manifest.rootDirectory}/${manifest.blobs[0]?.name ?? ''}?${manifest.sasToken}`);
    expect(sandbox.requests.map(({ kind, status, method }) => [kind, status, method])).toEqual([
      ['export', 202, 'POST'],
      ['operation', 200, 'GET'],
      ['blob', 200, 'GET'],
    ]);
    expect(sandbox.requests.some(({ path }) => path.includes('sig='))).toBe(false);
    expect(sandbox.requests[0]?.at).toBe(NOW.getTime());
  });
});

describe('an operation of the sandbox', () => {
  it('goes from notStarted over running to succeeded, with Retry-After meanwhile', async () => {
    const sandbox = await small({ pollsUntilDone: 3, retryAfterSeconds: 7 });
    const location = (await post(sandbox, 'billed_usage', INVOICE)).headers.location ?? '';
    const seen = [];
    for (let poll = 0; poll < 4; poll++) {
      const answer = await askGraph(sandbox, location);
      const { status, '@odata.type': type } = json(answer);
      seen.push([answer.status, status, type, answer.headers['retry-after']]);
      if (status !== 'succeeded') expect(json(answer)).not.toHaveProperty('resourceLocation');
    }
    await sandbox.close();
    const running = '#microsoft.graph.partners.billing.runningOperation';
    expect(seen).toEqual([
      [200, 'notStarted', running, '7'],
      [200, 'running', running, '7'],
      [200, 'running', running, '7'],
      [200, 'succeeded', '#microsoft.graph.partners.billing.exportSuccessOperation', undefined],
    ]);
  });

  it('keeps the data it was asked for when the scope is restated meanwhile', async () => {
    const sandbox = await small();
    const before = sandbox.expected(USAGE).eTag;
    const location = (await post(sandbox, 'billed_usage', INVOICE)).headers.location ?? '';
    sandbox.restate(USAGE, { changed: 1 });
    const kept = json(await askGraph(sandbox, location))['resourceLocation'] as { eTag: string };
    const next = await manifestOf(sandbox);
    const after = sandbox.expected(USAGE).eTag;
    await sandbox.close();
    expect(kept.eTag).toBe(before);
    expect(next.eTag).toBe(after);
    expect(after).not.toBe(before);
  });
});

describe('starting a sandbox', () => {
  it('refuses a port that is taken, options out of range and scopes it does not have', async () => {
    const sandbox = await small();
    const port = Number(new URL(sandbox.graphUrl).port);
    await expect(startSandbox({ port })).rejects.toThrow(/cannot listen on 127\.0\.0\.1/);
    await expect(startSandbox({ usageRows: -1 })).rejects.toThrow(/usageRows/);
    await expect(
      startSandbox({ invoices: [{ id: 'G1', month: '2026-13', currency: 'USD' }] }),
    ).rejects.toThrow(/invoices/);
    expect(() => sandbox.restate({ stream: 'billed_usage', invoice: 'G0' }, {})).toThrow(/no scope/);
    await sandbox.close();
  });

  it('listens on the port that is given and takes the next one for storage', async () => {
    let sandbox: Sandbox | null = null;
    let port = 0;
    // Somebody else may take one of the two ports in between; then another pair is tried.
    for (let attempt = 0; sandbox === null && attempt < 10; attempt++) {
      const probe = await small();
      port = Number(new URL(probe.graphUrl).port);
      await probe.close();
      sandbox = await small({ port }).catch(() => null);
    }
    const { graphUrl, storageHost } = sandbox ?? {};
    await sandbox?.close();
    expect([graphUrl, storageHost]).toEqual([`http://127.0.0.1:${port}/v1.0`, `127.0.0.1:${port + 1}`]);
  });
});
