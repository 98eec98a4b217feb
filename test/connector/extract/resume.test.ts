import { appendFile, readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExportOutcome, Extractor } from '../../../connector/extract/extractor.js';
import type { ExportRequest } from '../../../schemas/scope.js';
import type { BillingPeriod } from '../../../schemas/streams.js';
import {
  extractorFor,
  filesIn,
  INVOICE,
  MONTH,
  NOTHING_PUBLISHED,
  type ExtractScene,
} from './extract-scene.js';
import { etagOf, someBlob, startGraph, type GraphDouble } from './graph-double.js';
import { sendJson } from './http-double.js';
import { errorOf, testClock } from './scene.js';

const BLOBS = {
  'part-0.gz': someBlob(40, 'a'),
  'part-1.gz': someBlob(400, 'b'),
  'part-2.gz': someBlob(40, 'c'),
};

function monthRequest(month: string, period: BillingPeriod): ExportRequest {
  return { ...MONTH, scope: { by: 'month', stream: 'unbilled_usage', month, currency: 'USD' }, period };
}

/** Ends a run at a moment of the test's choosing, as a signal would. */
function stoppable(scene: ExtractScene, request: ExportRequest = INVOICE) {
  const controller = new AbortController();
  const run = scene.extractor.exportScope(request, NOTHING_PUBLISHED, { signal: controller.signal });
  return {
    stop: () => {
      controller.abort(new Error('killed'));
    },
    ended: errorOf(run),
  };
}

/** Resolves when so many bytes of a partial blob are on disk. */
async function untilPartial(folder: string, name: string, bytes: number): Promise<void> {
  for (;;) {
    const found = (await filesIn(folder).catch(() => [])).find(({ path }) =>
      path.endsWith(`partial/${name}`),
    );
    if (found?.text.length === bytes) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function packageOf(outcome: ExportOutcome) {
  if (outcome.kind !== 'package') throw new Error(`expected a package, got ${outcome.kind}`);
  return outcome.package;
}

async function wholeFrom(double: GraphDouble, extractor: Extractor, request: ExportRequest = INVOICE) {
  const whole = packageOf(await extractor.exportScope(request, NOTHING_PUBLISHED));
  const blobs = await whole.blobs();
  expect(blobs.map(({ bytes }) => bytes)).toEqual(
    [...double.behaviour.blobs.values()].map(({ length }) => length),
  );
  return whole;
}

describe('a run that was killed', () => {
  it('while it polled goes on with the same operation', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    const { stop, ended } = stoppable(first);
    double.behaviour.statuses = ['running'];
    double.behaviour.onPoll = (_request, _response, poll) => {
      if (poll === 3) stop();
      return false;
    };
    expect(await ended).toMatchObject({ message: 'killed' });
    double.behaviour.onPoll = null;
    double.behaviour.statuses = ['succeeded'];
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect(double.exports()).toBe(1);
    expect(second.events[0]).toMatchObject({ event: 'export.resumed', operationId: 'operation-1' });
  });

  it('between the request and its answer asks again, and only once', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    const { stop, ended } = stoppable(first);
    double.behaviour.onExport = () => {
      stop();
      return true;
    };
    await ended;
    const [found] = await first.spool.list();
    expect(found?.exportRecord).toMatchObject({
      intents: [{ clientRequestId: expect.any(String) as string }],
    });
    expect(found?.exportRecord.operation).toBeUndefined();
    double.behaviour.onExport = null;
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    expect((await wholeFrom(double, second.extractor)).packageId).toBe(found?.packageId);
    expect(double.exports()).toBe(2);
  });

  it('while it downloaded reads only what is not on disk', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double, { limits: { concurrent_blobs: 1 } });
    const { stop, ended } = stoppable(first);
    double.behaviour.onBlob = (request, response) => {
      if (!request.path.endsWith('part-1.gz')) return false;
      const content = BLOBS['part-1.gz'];
      response.writeHead(200, { etag: etagOf(content), 'content-length': String(content.length) });
      response.write(content.subarray(0, 5000));
      void untilPartial(first.spoolFolder, 'part-1.gz', 5000).then(stop);
      return true;
    };
    expect(await ended).toMatchObject({ message: 'killed' });
    double.behaviour.onBlob = null;
    const second = await extractorFor(double, {
      spoolFolder: first.spoolFolder,
      limits: { concurrent_blobs: 1 },
    });
    await wholeFrom(double, second.extractor);
    expect(double.exports()).toBe(1);
    expect(double.reads()).toEqual(['part-0.gz@0', 'part-1.gz@0', 'part-1.gz@5000', 'part-2.gz@0']);
  });

  it('after its package was whole asks nobody anything', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    await wholeFrom(double, first.extractor);
    await double.graph.close();
    await double.storage.close();
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
  });

  it('between the last byte and the renaming of a blob reads no byte again', async () => {
    const double = await startGraph({ 'part-0.gz': BLOBS['part-0.gz'] });
    const content = BLOBS['part-0.gz'];
    const first = await extractorFor(double);
    const { stop, ended } = stoppable(first);
    double.behaviour.onBlob = (_request, response) => {
      response.writeHead(200, { etag: etagOf(content), 'content-length': String(content.length) });
      response.write(content.subarray(0, -1));
      void untilPartial(first.spoolFolder, 'part-0.gz', content.length - 1).then(stop);
      return true;
    };
    await ended;
    const partial = (await filesIn(first.spoolFolder)).find(({ path }) => path.endsWith('partial/part-0.gz'));
    expect(partial).toBeDefined();
    double.behaviour.onBlob = null;
    await appendFile(partial?.path ?? '', content.subarray(-1));
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect(double.reads()).toEqual(['part-0.gz@0']);
  });

  it('and left a torn partial blob behind reads it from its beginning', async () => {
    const double = await startGraph({ 'part-0.gz': BLOBS['part-0.gz'] });
    const first = await extractorFor(double);
    const { stop, ended } = stoppable(first);
    double.behaviour.onBlob = (_request, response) => {
      const content = BLOBS['part-0.gz'];
      response.writeHead(200, { etag: etagOf(content), 'content-length': String(content.length) });
      response.write(content.subarray(0, 1000));
      void untilPartial(first.spoolFolder, 'part-0.gz', 1000).then(stop);
      return true;
    };
    await ended;
    const record = (await filesIn(first.spoolFolder)).find(({ path }) =>
      path.endsWith('partial/part-0.gz.json'),
    );
    await truncate(record?.path ?? '', 5);
    double.behaviour.onBlob = null;
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect(double.reads()).toEqual(['part-0.gz@0', 'part-0.gz@0']);
  });

  it('finds other data under the manifest: begins a new package of the new data only', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double, { limits: { concurrent_blobs: 1 } });
    const { stop, ended } = stoppable(first);
    double.behaviour.onBlob = (request) => {
      if (request.path.endsWith('part-1.gz')) stop();
      return request.path.endsWith('part-1.gz');
    };
    await ended;
    double.behaviour.onBlob = null;
    double.behaviour.eTag = 'eTagTwo';
    double.behaviour.blobs = new Map([['part-0.gz', someBlob(10, 'new')]]);
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    const whole = await wholeFrom(double, second.extractor);
    expect(whole.manifest()?.eTag).toBe('eTagTwo');
    expect(await second.spool.list()).toHaveLength(1);
  });

  it('finds operation and manifest gone: exports anew, and keeps the blobs when the data is the same', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double, { limits: { concurrent_blobs: 1 } });
    const { stop, ended } = stoppable(first);
    double.behaviour.onBlob = (request) => {
      if (request.path.endsWith('part-1.gz')) stop();
      return request.path.endsWith('part-1.gz');
    };
    await ended;
    double.behaviour.onBlob = null;
    double.behaviour.onPoll = (request, response) => {
      if (!request.path.endsWith('operation-1')) return false;
      sendJson(response, 410, undefined);
      return true;
    };
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect(double.exports()).toBe(2);
    expect(double.reads().filter((read) => read === 'part-0.gz@0')).toHaveLength(1);
  });
});

describe('unfinished work that does not answer the request any more', () => {
  async function unfinished(double: GraphDouble, request: ExportRequest = INVOICE, clock = testClock()) {
    const first = await extractorFor(double, { clock });
    const { stop, ended } = stoppable(first, request);
    double.behaviour.statuses = ['running'];
    double.behaviour.onPoll = () => {
      stop();
      return false;
    };
    await ended;
    double.behaviour.onPoll = null;
    double.behaviour.statuses = ['succeeded'];
    return first;
  }

  it.each([
    ['of another attribute set', { ...INVOICE, attributeSet: 'basic' as const }, '2026-11-23T10:10:00Z', 2],
    ['past its deadline', INVOICE, '2026-11-23T12:00:01Z', 2],
    ['just within its deadline', INVOICE, '2026-11-23T11:59:00Z', 1],
  ])('%s', async (_name, request, later, exports) => {
    const double = await startGraph(BLOBS);
    const first = await unfinished(double);
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder, clock: testClock(later) });
    await wholeFrom(double, second.extractor, request);
    expect(double.exports()).toBe(exports);
    expect(await second.spool.list()).toHaveLength(1);
  });

  it('of another Graph is dropped', async () => {
    const other = await startGraph(BLOBS);
    const first = await unfinished(other);
    const double = await startGraph(BLOBS);
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect([other.exports(), double.exports()]).toEqual([1, 1]);
  });

  it('of the word `current` is not taken for `last` when the month has turned', async () => {
    const double = await startGraph(BLOBS);
    double.behaviour.date = new Date('2026-11-30T23:00:00Z');
    const first = await unfinished(double, MONTH, testClock('2026-11-30T23:00:00Z'));
    double.behaviour.date = new Date('2026-12-01T02:00:00Z');
    const clock = testClock('2026-12-01T02:00:00Z');
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder, clock });
    const last = await wholeFrom(double, second.extractor, { ...MONTH, period: 'last' });
    expect(last.exportRecord).toMatchObject({ period: 'last', scope: { month: '2026-11' } });
    expect(double.exports()).toBe(2);
    expect(await second.spool.list()).toHaveLength(1);
  });

  it('on the 31st goes on on the 1st with the month that Graph fixed, asked for by its other word', async () => {
    const double = await startGraph(BLOBS);
    double.behaviour.date = new Date('2026-11-30T23:30:00Z');
    const first = await unfinished(double, MONTH, testClock('2026-11-30T23:30:00Z'));
    double.behaviour.date = new Date('2026-12-01T00:30:00Z');
    const clock = testClock('2026-12-01T00:30:00Z');
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder, clock });
    const current = monthRequest('2026-12', 'current');
    const [last, next] = await Promise.all([
      wholeFrom(double, second.extractor, { ...MONTH, period: 'last' }),
      wholeFrom(double, second.extractor, current),
    ]);
    expect(last.exportRecord).toMatchObject({ period: 'last', scope: { month: '2026-11' } });
    expect(last.exportRecord.intents).toHaveLength(1);
    expect(next.exportRecord).toMatchObject({ period: 'current', scope: { month: '2026-12' } });
    expect(double.exports()).toBe(2);
  });

  it('leaves no package to the other request of a run that comes upon the same month at midnight', async () => {
    const double = await startGraph(BLOBS);
    double.behaviour.date = new Date('2026-11-30T23:59:59Z');
    const scene = await extractorFor(double, { clock: testClock('2026-11-30T23:59:59Z') });
    const current = await wholeFrom(double, scene.extractor);
    const asked = await wholeFrom(double, scene.extractor, MONTH);
    double.behaviour.date = new Date('2026-12-01T00:00:01Z');
    scene.clock.pass(2000);
    const last = await wholeFrom(double, scene.extractor, monthRequest('2026-10', 'last'));
    expect([asked, last].map(({ exportRecord }) => exportRecord.scope)).toEqual([MONTH.scope, MONTH.scope]);
    expect(last.packageId).not.toBe(asked.packageId);
    const kept = (await scene.spool.list()).map(({ packageId }) => packageId);
    expect(new Set(kept)).toEqual(new Set([current, asked, last].map(({ packageId }) => packageId)));
  });

  it('that another run has overtaken is dropped, so that old data never replaces newer', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    await wholeFrom(double, first.extractor);
    double.behaviour.eTag = 'eTagTwo';
    const elsewhere = () => ({ eTag: 'eTagTwo', attributeSet: 'full' as const });
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    expect(await second.extractor.exportScope(INVOICE, elsewhere)).toMatchObject({
      kind: 'unchanged',
      eTag: 'eTagTwo',
    });
    expect(await second.spool.list()).toEqual([]);
  });
});

describe('a package that is whole', () => {
  it('and is published already is handed over again, so that it is put away', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    await wholeFrom(double, first.extractor);
    const own = () => ({ eTag: 'eTagOne', attributeSet: 'full' as const });
    expect(await first.extractor.exportScope(INVOICE, own)).toMatchObject({ kind: 'package' });
    expect(double.exports()).toBe(1);
  });

  it('but for a damaged blob that was discarded downloads that blob only', async () => {
    const double = await startGraph(BLOBS);
    const { extractor } = await extractorFor(double);
    const whole = await wholeFrom(double, extractor);
    expect(await whole.discardBlob('part-1.gz')).toBe(true);
    expect(await whole.isWhole()).toBe(false);
    const again = await wholeFrom(double, extractor);
    expect(again.packageId).toBe(whole.packageId);
    expect(double.exports()).toBe(1);
    expect(double.reads().filter((read) => read.startsWith('part-1'))).toHaveLength(2);
    expect(double.reads()).toHaveLength(4);
    expect(await again.discardBlob('part-1.gz')).toBe(false);
  });

  it('but for a blob whose length is not what was recorded downloads it again', async () => {
    const double = await startGraph(BLOBS);
    const { extractor } = await extractorFor(double);
    const whole = await wholeFrom(double, extractor);
    await truncate((await whole.blobs())[0]?.path ?? '', 3);
    await wholeFrom(double, extractor);
    expect(double.reads()).toHaveLength(4);
  });

  it('and was refused for its records is handed over as it is when Graph has the same data', async () => {
    const double = await startGraph(BLOBS);
    const { extractor, spool } = await extractorFor(double);
    const whole = await wholeFrom(double, extractor);
    const refusal = {
      at: '2026-11-23T10:00:00Z',
      message: 'too many',
      hint: 'look',
      facts: {},
      connectorVersion: '0.1.0',
      rejectedLimit: '0',
      destination: 'x',
    };
    await whole.refuse({ ...refusal, kind: 'data' });
    expect(await spool.unfinished(INVOICE.scope)).toEqual([]);
    const same = packageOf(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(same.packageId).toBe(whole.packageId);
    expect(same.refusal()?.kind).toBe('data');
    expect(double.exports()).toBe(2);
    expect(double.reads()).toHaveLength(3);
    await same.refuse({ ...refusal, kind: 'integrity' });
    const anew = packageOf(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect(anew.packageId).not.toBe(whole.packageId);
    expect(double.reads()).toHaveLength(6);
    await anew.refuse({ ...refusal, kind: 'data' });
    expect((await spool.list()).map(({ packageId }) => packageId)).toEqual([anew.packageId]);
  });

  it('and was lost with the spool is only downloaded again', async () => {
    const double = await startGraph(BLOBS);
    const first = await extractorFor(double);
    await wholeFrom(double, first.extractor);
    await rm(first.spoolFolder, { recursive: true });
    const second = await extractorFor(double, { spoolFolder: first.spoolFolder });
    await wholeFrom(double, second.extractor);
    expect(await readdir(join(first.spoolFolder))).toHaveLength(1);
  });
});
