import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractorFor, filesIn, INVOICE, NOTHING_PUBLISHED } from '../connector/extract/extract-scene.js';
import { someBlob, startGraph } from '../connector/extract/graph-double.js';
import { errorOf } from '../connector/extract/scene.js';
import { startAzurite, type Azurite } from './azurite.js';

const LATER = new Date('2999-01-01T00:00:00Z');
const EARLIER = new Date('2021-01-01T00:00:00Z');
const DIRECTORY = 'v1/PartnerTenantId=0e195b37/BillingMonth=202611';

describe('blobs of Azurite', () => {
  let azurite: Azurite;

  beforeAll(async () => {
    azurite = await startAzurite();
  });

  afterAll(async () => {
    await azurite.stop();
  });

  /** A Graph whose manifest points to a new container of Azurite. */
  async function graphOver(blobs: Readonly<Record<string, Buffer>>, sas: (container: string) => string) {
    const container = `c${Math.random().toString(36).slice(2)}`;
    const inDirectory = Object.entries(blobs).map(
      ([name, content]) => [`${DIRECTORY}/${name}`, content] as const,
    );
    await azurite.fill(container, Object.fromEntries(inDirectory));
    const double = await startGraph(blobs);
    double.behaviour.onPoll = () => {
      double.behaviour.manifest = {
        rootDirectory: `${azurite.address(container)}/${DIRECTORY}`,
        sasToken: sas(container),
      };
      return false;
    };
    const source = { storage_hosts: [`127.0.0.1:${azurite.port}`] };
    return { double, container, source };
  }

  it('are downloaded as they are, whatever their names', async () => {
    const blobs = {
      'part-00049-0e195b37.c000.json.gz': someBlob(20_000),
      'a b+c=d&e.gz': someBlob(3),
      'ümlaut.gz': someBlob(4),
      'empty.gz': Buffer.alloc(0),
    };
    const { double, source } = await graphOver(blobs, (container) => azurite.sas(container, LATER));
    const { extractor } = await extractorFor(double, { source });
    const outcome = await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    if (outcome.kind !== 'package') throw new Error(outcome.kind);
    for (const { name, path } of await outcome.package.blobs()) {
      expect(await readFile(path)).toEqual(blobs[name as keyof typeof blobs]);
    }
  });

  it('go on where a killed run stopped, by range and ETag', async () => {
    const blobs = { 'part-0.gz': someBlob(40_000) };
    const { double, source } = await graphOver(blobs, (container) => azurite.sas(container, LATER));
    const first = await extractorFor(double, { source });
    const controller = new AbortController();
    const stopped = errorOf(
      first.extractor.exportScope(INVOICE, NOTHING_PUBLISHED, { signal: controller.signal }),
    );
    const watch = setInterval(() => {
      if (first.events.some(({ event }) => event === 'blob.bytes')) controller.abort(new Error('killed'));
    }, 1);
    await stopped.finally(() => {
      clearInterval(watch);
    });
    const partial = (await filesIn(first.spoolFolder)).find(({ path }) => path.endsWith('partial/part-0.gz'));
    expect(partial?.text.length).toBeGreaterThan(1024 * 1024 - 1);
    const second = await extractorFor(double, { source, spoolFolder: first.spoolFolder });
    const outcome = await second.extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    if (outcome.kind !== 'package') throw new Error(outcome.kind);
    expect(await readFile((await outcome.package.blobs())[0]?.path ?? '')).toEqual(blobs['part-0.gz']);
    expect(double.exports()).toBe(1);
  });

  it('are opened with a new SAS when the first has expired', async () => {
    let given = 0;
    const { double, source } = await graphOver({ 'part-0.gz': someBlob(10) }, (container) => {
      given += 1;
      return azurite.sas(container, given <= 2 ? EARLIER : LATER);
    });
    const { extractor } = await extractorFor(double, { source });
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect(double.exports()).toBe(1);
  });

  it('that are not there lead to new exports, then to an error that says so', async () => {
    const { double, source } = await graphOver({ 'part-0.gz': someBlob(10) }, (container) =>
      azurite.sas(container, LATER),
    );
    double.behaviour.blobs.set('part-1.gz', someBlob(10));
    const { extractor } = await extractorFor(double, { source });
    const error = await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
    expect((error as Error).message).toMatch(/blob part-1.gz is not there: 404 BlobNotFound/);
  });
});
