import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExportOutcome } from '../../../connector/extract/extractor.js';
import { ConfigError, IntegrityError, TransientError } from '../../../schemas/errors.js';
import { extractorFor, filesIn, INVOICE, MONTH, NOTHING_PUBLISHED } from './extract-scene.js';
import { sasOf, sendStorageError, someBlob, startGraph } from './graph-double.js';
import { sendJson } from './http-double.js';
import { errorOf, everythingIn, TENANT, testClock, TOKEN } from './scene.js';

function packageOf(outcome: ExportOutcome) {
  if (outcome.kind !== 'package') throw new Error(`expected a package, got ${outcome.kind}`);
  return outcome;
}

describe('exporting a scope', () => {
  it('asks, polls, reads the manifest and downloads every blob as it comes', async () => {
    const double = await startGraph({
      'part-0.json.gz': someBlob(50),
      'part-1.json.gz': someBlob(9),
      'empty.json.gz': Buffer.alloc(0),
    });
    const { extractor, clock, events } = await extractorFor(double);
    const outcome = packageOf(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(outcome).toMatchObject({ scope: INVOICE.scope, billingMonthFrom: 'manifest', warnings: [] });
    const blobs = await outcome.package.blobs();
    for (const blob of blobs) {
      const content = double.behaviour.blobs.get(blob.name) ?? Buffer.alloc(0);
      expect(await readFile(blob.path)).toEqual(content);
      expect(blob).toMatchObject({
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      });
    }
    expect(blobs.map(({ name }) => name)).toEqual(['part-0.json.gz', 'part-1.json.gz', 'empty.json.gz']);
    expect(await outcome.package.wholeManifest()).toMatchObject({
      eTag: 'eTagOne',
      operationId: 'operation-1',
    });
    expect(JSON.parse(double.graph.requests[0]?.body ?? '')).toEqual({
      invoiceId: 'G016907411',
      attributeSet: 'full',
    });
    expect(clock.waits).toEqual([10_000]);
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['export.requested', 'export.polled', 'manifest.read', 'blob.whole']),
    );
    const [requested] = events.filter(({ event }) => event === 'export.requested');
    expect(requested).toMatchObject({ operationId: 'operation-1', requestId: 'graph-request-1' });
    const [manifest] = events.filter(({ event }) => event === 'manifest.read');
    expect(manifest).toMatchObject({ blobs: 3, blobsOnDisk: 0, requestId: 'graph-request-1' });
  });

  it('sends the SAS letter for letter to storage only, and the token to Graph only', async () => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double);
    await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    expect(double.storage.requests.map(({ query }) => query)).toEqual([sasOf(1)]);
    expect(double.storage.requests[0]?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(double.graph.requests)).not.toContain('plantedSig');
    expect(double.graph.requests.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(
      true,
    );
  });

  it('keeps no SAS and no token on disk, and everything for its owner only', async () => {
    const double = await startGraph();
    const { extractor, spoolFolder, events } = await extractorFor(double);
    const outcome = packageOf(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    for (const { path, text, mode } of await filesIn(spoolFolder)) {
      expect(text, path).not.toMatch(/plantedSig|planted-bearer/);
      expect(mode, path).toBe(0o600);
    }
    for (let folder = outcome.package.path; folder !== spoolFolder; folder = dirname(folder)) {
      expect((await stat(folder)).mode & 0o777, folder).toBe(0o700);
    }
    expect(JSON.stringify(events)).not.toMatch(/plantedSig|planted-bearer/);
  });

  it.each(['embedded', 'link', 'text'] as const)('finds a manifest that is %s', async (manifestAs) => {
    const double = await startGraph();
    double.behaviour.manifestAs = manifestAs;
    const { extractor } = await extractorFor(double);
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
  });

  it.each([
    [
      'an absolute Location',
      (origin: string) => ({ location: `${origin}/v1.0/reports/partners/billing/operations/7` }),
      undefined,
    ],
    ['a relative Location', () => ({ location: '/v1.0/reports/partners/billing/operations/7' }), undefined],
    [
      'Operation-Location',
      () => ({ 'operation-location': '/v1.0/reports/partners/billing/operations/7' }),
      undefined,
    ],
    ['an id in the body', () => ({}), { Id: '7', status: 'notStarted' }],
  ])('polls the operation that is named by %s', async (_name, headers, body) => {
    const double = await startGraph();
    double.behaviour.onExport = (_request, response) => {
      sendJson(response, body === undefined ? 202 : 200, body, headers(double.graph.origin));
      return true;
    };
    const { extractor } = await extractorFor(double);
    await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    expect(double.graph.requests[1]?.path).toBe('/v1.0/reports/partners/billing/operations/7');
  });

  it('refuses an answer that names no operation, with the request id', async () => {
    const double = await startGraph();
    double.behaviour.onExport = (_request, response) => {
      response.writeHead(202, { 'request-id': 'graph-request-9' }).end('<html>');
      return true;
    };
    const { extractor } = await extractorFor(double);
    const error = await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toContain('graph-request-9');
  });

  it('sends no token to an operation or a manifest on another origin', async () => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double);
    double.behaviour.onExport = (_request, response) => {
      sendJson(response, 202, undefined, { location: `${double.storage.origin}/v1.0/operations/7` });
      return true;
    };
    expect(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toBeInstanceOf(ConfigError);
    double.behaviour.onExport = null;
    double.behaviour.onPoll = (_request, response) => {
      sendJson(response, 200, { status: 'succeeded', resourceLocation: `${double.storage.origin}/manifest` });
      return true;
    };
    expect(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toBeInstanceOf(ConfigError);
    expect(double.storage.requests).toEqual([]);
  });

  it('asks nothing of a storage host that is not allowed', async () => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double, {
      source: { storage_hosts: ['*.blob.core.windows.net'] },
    });
    expect(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toBeInstanceOf(ConfigError);
    expect(double.storage.requests).toEqual([]);
  });

  it('takes an empty manifest as a whole package without blobs', async () => {
    const double = await startGraph({});
    const { extractor } = await extractorFor(double);
    const outcome = packageOf(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(await outcome.package.blobs()).toEqual([]);
    expect(await outcome.package.isWhole()).toBe(true);
  });

  it('reads a manifest whose count and list differ once more, then refuses it and begins anew next time', async () => {
    const double = await startGraph();
    double.behaviour.manifestAs = 'link';
    double.behaviour.manifest = { blobCount: 2 };
    const { extractor, spool } = await extractorFor(double);
    expect(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toBeInstanceOf(IntegrityError);
    expect(double.graph.requests.filter(({ path }) => path.includes('manifests'))).toHaveLength(2);
    expect(await spool.list()).toEqual([]);
    expect(double.storage.requests).toEqual([]);
    double.behaviour.onManifest = (_request, _response, read) => {
      if (read === 4) double.behaviour.manifest = {};
      return false;
    };
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect(double.exports()).toBe(2);
  });

  it('of another tenant is refused, exit 2', async () => {
    const double = await startGraph();
    double.behaviour.manifest = { partnerTenantId: '99999999-4574-4539-bc42-0e539b9684c0' };
    const { extractor } = await extractorFor(double);
    expect(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toMatchObject({ exitCode: 2 });
  });
});

describe('what is published already', () => {
  const published = { eTag: 'eTagOne', attributeSet: 'full' as const };

  it('at the same eTag and attribute set is neither downloaded nor kept', async () => {
    const double = await startGraph();
    const { extractor, spool } = await extractorFor(double);
    expect(await extractor.exportScope(INVOICE, () => published)).toEqual({
      kind: 'unchanged',
      scope: INVOICE.scope,
      eTag: 'eTagOne',
    });
    expect(double.storage.requests).toEqual([]);
    expect(await spool.list()).toEqual([]);
  });

  it.each([
    ['another attribute set', { ...published, attributeSet: 'basic' as const }, false],
    ['another eTag', { ...published, eTag: 'etagone' }, false],
    ['force', published, true],
  ])('is downloaded all the same with %s', async (_name, was, force) => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double);
    expect(await extractor.exportScope(INVOICE, () => was, { force })).toMatchObject({ kind: 'package' });
  });
});

describe('an operation', () => {
  it('that failed with code 5000 is no data, with a hint for the invoice, and nothing is kept', async () => {
    const double = await startGraph();
    double.behaviour.onPoll = (_request, response) => {
      sendJson(response, 200, {
        '@odata.type': '#microsoft.graph.partners.billing.failedOperation',
        status: 'failed',
        error: { code: '5000', message: 'No data available' },
      });
      return true;
    };
    const { extractor, spool } = await extractorFor(double);
    const recent = await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    expect(recent).toMatchObject({ kind: 'no data', code: '5000', message: 'No data available' });
    const legacy = { ...INVOICE, scope: { ...INVOICE.scope, invoice: 'D02005YFHI' } as const };
    const hints = [
      recent,
      await extractor.exportScope(legacy, NOTHING_PUBLISHED),
      await extractor.exportScope(MONTH, NOTHING_PUBLISHED),
    ];
    expect(hints.map((one) => (one.kind === 'no data' ? one.hint : ''))).toEqual([
      expect.stringContaining('try later'),
      expect.stringContaining('legacy'),
      expect.stringContaining('no charges in USD for 2026-11'),
    ]);
    expect(await spool.list()).toEqual([]);
    expect(double.exports()).toBe(3);
  });

  it('that failed otherwise is exported anew twice, after a wait, then given up with code and message', async () => {
    const double = await startGraph();
    double.behaviour.onPoll = (_request, response) => {
      sendJson(response, 200, { status: 'Failed', error: { code: '1234', message: 'backend sulks' } });
      return true;
    };
    const { extractor, clock, spool } = await extractorFor(double);
    const error = await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(/exported 3 times.*1234: backend sulks.*graph-request-1/);
    expect(double.exports()).toBe(3);
    expect(clock.waits).toEqual([10_000, 15_000]);
    expect(await spool.list()).toEqual([]);
  });

  it.each([404, 410])('that is gone (%i) is exported anew, at most twice', async (status) => {
    const double = await startGraph();
    double.behaviour.onPoll = (request, response) => {
      if (request.path.endsWith('operation-3')) return false;
      sendJson(response, status, { error: { code: 'itemNotFound' } });
      return true;
    };
    const { extractor } = await extractorFor(double);
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect(double.exports()).toBe(3);
    double.behaviour.onPoll = (_request, response) => {
      sendJson(response, status, undefined);
      return true;
    };
    const again = await extractorFor(double);
    expect(await errorOf(again.extractor.exportScope(INVOICE, NOTHING_PUBLISHED))).toBeInstanceOf(
      TransientError,
    );
    expect(double.exports()).toBe(6);
  });

  it('that still runs at the deadline may be asked for again later, by a new export', async () => {
    const double = await startGraph();
    double.behaviour.statuses = ['running'];
    const scene = await extractorFor(double, { limits: { poll_deadline: '5m' } });
    const error = await errorOf(scene.extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(/still runs at limits.poll_deadline: running/);
    expect(scene.clock.monotonicMs()).toBeLessThanOrEqual(300_000);
    scene.clock.pass(60_000);
    double.behaviour.statuses = ['succeeded'];
    expect(await scene.extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect(double.exports()).toBe(2);
  });

  it('whose status nobody knows is polled until the deadline, then quoted', async () => {
    const double = await startGraph();
    double.behaviour.statuses = ['Pondering'];
    const { extractor } = await extractorFor(double, { limits: { poll_deadline: '5m' } });
    const error = await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toContain('Pondering (runningOperation)');
    expect(double.polls()).toBeGreaterThan(5);
  });

  it('is polled at once, then as Retry-After says on 200 and 202', async () => {
    const double = await startGraph();
    double.behaviour.onExport = (_request, response) => {
      sendJson(response, 202, undefined, {
        location: '/v1.0/reports/partners/billing/operations/7',
        'retry-after': '20',
      });
      return true;
    };
    double.behaviour.onPoll = (_request, response, poll) => {
      if (poll > 2) return false;
      sendJson(
        response,
        200,
        { status: 'running' },
        {
          'retry-after': poll === 1 ? '30' : 'Mon, 23 Nov 2026 10:01:30 GMT',
          date: 'Mon, 23 Nov 2026 10:01:00 GMT',
        },
      );
      return true;
    };
    const { extractor, clock } = await extractorFor(double);
    await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    expect(clock.waits).toEqual([20_000, 30_000, 30_000]);
  });
});

describe('an unbilled month', () => {
  it("asks with Graph's word and is fixed by the Date of the answer", async () => {
    const double = await startGraph();
    double.behaviour.date = new Date('2026-12-01T00:00:01Z');
    const { extractor, spool } = await extractorFor(double, { clock: testClock('2026-11-30T23:59:58Z') });
    const outcome = packageOf(await extractor.exportScope(MONTH, NOTHING_PUBLISHED));
    expect(JSON.parse(double.graph.requests[0]?.body ?? '')).toEqual({
      currencyCode: 'USD',
      billingPeriod: 'current',
      attributeSet: 'full',
    });
    expect(outcome.scope).toEqual({ ...MONTH.scope, month: '2026-12' });
    expect(outcome.package.exportRecord.operation?.askedAt).toBe('2026-12-01T00:00:01.000Z');
    expect(outcome.package.path).toContain('2026-12-USD');
    expect(await spool.unfinished(outcome.scope)).toHaveLength(1);
    expect(outcome.warnings).toEqual([
      expect.stringContaining('not unbilled_usage 2026-11-USD as planned'),
      expect.stringContaining("BillingMonth is 2026-11, the export's date says 2026-12"),
    ]);
  });

  it('says where its month was learnt', async () => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double);
    expect(packageOf(await extractor.exportScope(MONTH, NOTHING_PUBLISHED)).billingMonthFrom).toBe(
      'manifest',
    );
    const last = { ...MONTH, scope: { ...MONTH.scope, month: '2026-10' }, period: 'last' } as const;
    double.behaviour.manifest = { rootDirectory: `${double.storage.origin}/container/v1` };
    expect(packageOf(await extractor.exportScope(last, NOTHING_PUBLISHED))).toMatchObject({
      billingMonthFrom: 'export date',
      scope: { month: '2026-10' },
    });
  });

  it('warns when the clock of this machine is wrong, and takes the month from Graph', async () => {
    const double = await startGraph();
    const { extractor } = await extractorFor(double, { clock: testClock('2026-11-23T15:00:00Z') });
    const outcome = packageOf(await extractor.exportScope(MONTH, NOTHING_PUBLISHED));
    expect(outcome.warnings).toEqual([expect.stringContaining('clock of this machine')]);
  });
});

describe('secrets', () => {
  it('are in no error, whoever fails', async () => {
    const errors: unknown[] = [];
    for (const status of [400, 403, 404, 409, 412, 500, 503]) {
      const double = await startGraph();
      double.behaviour.freshSas = true;
      double.behaviour.onBlob = (_request, response) => {
        sendStorageError(response, status, 'Refused');
        return true;
      };
      const { extractor, events } = await extractorFor(double);
      errors.push(await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED)));
      expect(JSON.stringify(events)).not.toMatch(/plantedSig|planted-bearer/);
    }
    for (const error of errors) expect(everythingIn(error)).not.toMatch(/plantedSig|planted-bearer|%2Fa%2Bb/);
    expect(errors.map((error) => (error as { exitCode: number }).exitCode)).toEqual([6, 2, 3, 3, 6, 3, 3]);
    expect(TENANT).not.toBe('');
  });
});
