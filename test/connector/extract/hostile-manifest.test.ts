import { describe, expect, it } from 'vitest';
import { ConfigError, ConnectorError, IntegrityError } from '../../../schemas/errors.js';
import { extractorFor, filesIn, INVOICE, NOTHING_PUBLISHED } from './extract-scene.js';
import { someBlob, startGraph, type GraphDouble } from './graph-double.js';
import { sendJson, startServer, type HttpDouble } from './http-double.js';
import { errorOf, everythingIn, TOKEN } from './scene.js';

/** Graph, storage, and a server beside them that the configuration does not know and nobody may ask. */
interface Scene {
  readonly double: GraphDouble;
  readonly trap: HttpDouble;
  /** `127.0.0.1:PORT` of the storage that is allowed, and of the trap. */
  readonly allowed: string;
  readonly foreign: string;
}

async function scene(): Promise<Scene> {
  const double = await startGraph();
  const trap = await startServer((_request, response) => {
    sendJson(response, 200, { trapped: true });
  });
  return { double, trap, allowed: `127.0.0.1:${double.storage.port}`, foreign: `127.0.0.1:${trap.port}` };
}

/** Exports once; the error, which must be ours, tell nothing secret, and have asked nobody but Graph. */
async function refusal({ double, trap }: Scene, storageRequests = 0): Promise<ConnectorError> {
  const { extractor, spoolFolder } = await extractorFor(double);
  const error = await errorOf(extractor.exportScope(INVOICE, NOTHING_PUBLISHED));
  expect(trap.requests).toEqual([]);
  expect(double.storage.requests).toHaveLength(storageRequests);
  expect(everythingIn(error)).not.toMatch(/plantedSig|hunter2/);
  expect(everythingIn(error)).not.toContain(TOKEN);
  for (const { path, text } of await filesIn(spoolFolder)) if (path.endsWith('.gz')) expect(text).toBe('');
  if (!(error instanceof ConnectorError)) throw error;
  expect(error.hint).not.toBe('');
  // What the message quotes of the manifest is on the message's one line; visible-text.ts shows the rest as escapes.
  expect([...error.message].filter((one) => one < ' ' || one === '\u007f')).toEqual([]);
  return error;
}

describe('a root directory that leads elsewhere', () => {
  it.each<[string, (at: Scene) => string, typeof ConfigError | typeof IntegrityError]>([
    ['another port', ({ foreign }) => `http://${foreign}/c`, ConfigError],
    ['a name of loopback', ({ trap }) => `http://localhost:${trap.port}/c`, ConfigError],
    ['IPv6 loopback', ({ trap }) => `http://[::1]:${trap.port}/c`, ConfigError],
    ['IPv4 in IPv6', ({ trap }) => `http://[::ffff:127.0.0.1]:${trap.port}/c`, IntegrityError],
    ['an IPv6 zone', ({ trap }) => `http://[fe80::1%25eth0]:${trap.port}/c`, IntegrityError],
    ['the metadata service', () => 'http://169.254.169.254/metadata', IntegrityError],
    ['https to a host that is not listed', () => 'https://storage.example.test/c', ConfigError],
    [
      'the allowed host as a user',
      ({ allowed, foreign }) => `http://${allowed}@${foreign}/c`,
      IntegrityError,
    ],
    ['a user and a password', ({ allowed }) => `http://user:hunter2@${allowed}/c`, IntegrityError],
    ['an empty user', ({ allowed }) => `http://@${allowed}/c`, IntegrityError],
    [
      'an encoded slash in the host',
      ({ allowed, foreign }) => `http://${allowed}%2f@${foreign}/c`,
      IntegrityError,
    ],
    [
      'an address as one number',
      ({ double }) => `http://2130706433:${double.storage.port}/c`,
      IntegrityError,
    ],
    ['an address in hexadecimal', ({ double }) => `http://0x7f.1:${double.storage.port}/c`, IntegrityError],
    ['wide digits', ({ double }) => `http://１27.0.0.1:${double.storage.port}/c`, IntegrityError],
    ['backslashes', ({ foreign }) => `http:\\\\${foreign}\\c`, IntegrityError],
    [
      'a backslash after the host',
      ({ allowed, foreign }) => `http://${allowed}\\@${foreign}/c`,
      IntegrityError,
    ],
    ['no slashes', ({ allowed }) => `http:${allowed}/c`, IntegrityError],
    ['a blank before it', ({ allowed }) => ` http://${allowed}/c`, IntegrityError],
    ['a tab in the host', ({ allowed }) => `http://127.\t${allowed.slice(4)}/c`, IntegrityError],
    ['a line break in the path', ({ allowed }) => `http://${allowed}/c\r\nHost: ${allowed}`, IntegrityError],
    ['no scheme', ({ foreign }) => `//${foreign}/c`, IntegrityError],
    ['a file', () => 'file:///etc/passwd', IntegrityError],
    ['data', () => 'data:text/plain,x', IntegrityError],
    ['FTP', ({ allowed }) => `ftp://${allowed}/c`, IntegrityError],
    ['dots', ({ allowed }) => `http://${allowed}/c/../../other`, IntegrityError],
    ['encoded dots', ({ allowed }) => `http://${allowed}/c/%2e%2E/other`, IntegrityError],
    ['an encoded slash', ({ allowed }) => `http://${allowed}/c%2Fother`, IntegrityError],
    ['a query', ({ allowed }) => `http://${allowed}/c?comp=list`, IntegrityError],
    ['a fragment', ({ allowed }) => `http://${allowed}/c#`, IntegrityError],
    ['a terminal escape', ({ allowed }) => `http://${allowed}/\u001b[2Jc`, IntegrityError],
  ])('is refused before anything is asked: %s', async (_what, root, kind) => {
    const at = await scene();
    at.double.behaviour.manifest = { rootDirectory: root(at) };
    expect(await refusal(at)).toBeInstanceOf(kind);
  });
});

describe('a blob name that leads elsewhere', () => {
  it.each<[string, (at: Scene) => string]>([
    ['an absolute address', ({ trap }) => `${trap.origin}/x.gz`],
    ['an address without scheme', ({ foreign }) => `//${foreign}/x.gz`],
    ['the folder above', () => '../x.gz'],
    ['dots in the middle', () => 'a/../../x.gz'],
    ['encoded dots', () => '%2e%2e%2fx.gz'],
    ['an encoded slash', () => 'a%2Fb.gz'],
    ['a backslash', () => 'a\\..\\b.gz'],
    ['a query', () => 'x.gz?comp=list&'],
    ['a user and a host', ({ foreign }) => `@${foreign}`],
    ['NUL', () => 'x\u0000.gz'],
    ['a line break', () => 'x\r\nHost: other'],
    ['a terminal escape', () => 'x\u001b[2J.gz'],
    ['a C1 control', () => 'x\u009b2J.gz'],
    ['letters from right to left', () => 'x\u202egz.nosj'],
    ['a device of Windows', () => 'x.gz:stream'],
  ])('is refused before anything is asked: %s', async (_what, name) => {
    const at = await scene();
    at.double.behaviour.manifest = { blobCount: 1, blobs: [{ name: name(at) }] };
    expect((await refusal(at)).kind).toBe('integrity');
  });
});

describe('a manifest that is made wrong', () => {
  const blobs = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `part-${index}.json.gz` }));
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a negative blobCount', { blobCount: -1 }, /blobCount/],
    ['a negative blobCount in text', { blobCount: '-1' }, /blobCount/],
    ['a part of a blob', { blobCount: 1.5 }, /blobCount/],
    ['a blobCount beyond all numbers', { blobCount: '9'.repeat(400) }, /blobCount/],
    ['a blobCount that is no number', { blobCount: {} }, /blobCount/],
    ['more blobs than anybody has', { blobCount: 20_001, blobs: blobs(20_001) }, /blobs: lists 20001/],
    ['blobs that are one text', { blobs: 'part-0.json.gz' }, /blobs/],
    ['a name that is a number', { blobs: [{ name: 1 }], blobCount: 1 }, /name/],
    ['a name twice', { blobs: [{ name: 'a.gz' }, { name: 'A.gz' }], blobCount: 2 }, /occurs twice/],
    ['a SAS with a line break', { sasToken: 'sig=plantedSig1\r\nHost: other' }, /sasToken/],
    ['a SAS with NUL', { sasToken: 'sig=plantedSig1\u0000' }, /sasToken/],
    ['a SAS with a blank', { sasToken: 'sig=plantedSig1 HTTP/1.1' }, /sasToken/],
    ['a SAS with a terminal escape', { sasToken: 'sig=plantedSig1\u001b[2J' }, /sasToken/],
    ['a SAS with letters beyond ASCII', { sasToken: 'sig=plantedSig1ü' }, /sasToken/],
    ['a SAS with a fragment', { sasToken: 'sig=plantedSig1#x' }, /sasToken/],
    [
      'a SAS without end',
      { sasToken: `sig=plantedSig1${'x'.repeat(5000)}` },
      /sasToken: is longer than 4096/,
    ],
    ['an answer without end', { padding: 'x'.repeat(33 * 1024 * 1024) }, /longer than/],
    ['a tenant that is a terminal escape', { partnerTenantId: '\u001b]0;x\u0007' }, /tenant/],
    ['an eTag of the wrong type', { eTag: { a: 1 } }, /eTag/],
  ])('is refused before anything is asked: %s', async (_what, changes, message) => {
    const at = await scene();
    at.double.behaviour.manifest = changes;
    expect((await refusal(at)).message).toMatch(message);
  });

  it('with a thousand blobs is read, a few at a time', async () => {
    const content = someBlob(1);
    const names = Array.from({ length: 1000 }, (_, index) => `part-${index}.json.gz`);
    const double = await startGraph(Object.fromEntries(names.map((name) => [name, content])));
    let [open, most] = [0, 0];
    double.behaviour.onBlob = (_request, response) => {
      most = Math.max(most, (open += 1));
      response.on('close', () => (open -= 1));
      return false;
    };
    const { extractor } = await extractorFor(double, { limits: { concurrent_blobs: 3 } });
    const outcome = await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    expect(outcome.kind === 'package' ? await outcome.package.blobs() : []).toHaveLength(1000);
    expect(double.storage.requests).toHaveLength(1000);
    expect(most).toBeLessThanOrEqual(3);
  });
});

describe('an answer that leads elsewhere', () => {
  const toTrap = ({ trap }: Scene) => `${trap.origin}/v1.0/reports/partners/billing/operations/1`;

  it.each<[string, (at: Scene) => void]>([
    [
      'the Location of an export',
      (at) => {
        at.double.behaviour.onExport = (_request, response) => {
          sendJson(response, 202, undefined, { location: toTrap(at) });
          return true;
        };
      },
    ],
    ...[301, 302, 303, 307, 308].map((status): [string, (at: Scene) => void] => [
      `a poll that redirects with ${status}`,
      (at) => {
        at.double.behaviour.onPoll = (_request, response) => {
          sendJson(response, status, undefined, { location: toTrap(at) });
          return true;
        };
      },
    ]),
    [
      'an operation whose manifest is elsewhere',
      (at) => {
        at.double.behaviour.onPoll = (_request, response) => {
          sendJson(response, 200, { status: 'succeeded', resourceLocation: toTrap(at) });
          return true;
        };
      },
    ],
    [
      'an operation whose manifest wants another sign-in',
      (at) => {
        at.double.behaviour.onPoll = (_request, response) => {
          const link = at.double.graphUrl.replace('://', '://user:hunter2@');
          sendJson(response, 200, { status: 'succeeded', resourceLocation: `${link}/manifests/1` });
          return true;
        };
      },
    ],
  ])('is a matter of configuration, and is not followed: %s', async (_what, prepare) => {
    const at = await scene();
    prepare(at);
    const error = await refusal(at);
    expect(error).toBeInstanceOf(ConfigError);
  });

  it.each([301, 302, 303, 307, 308])('a blob that redirects with %i is not followed', async (status) => {
    const at = await scene();
    at.double.behaviour.onBlob = (_request, response) => {
      response.writeHead(status, { location: `${at.trap.origin}/x?sig=plantedSig9` });
      response.end();
      return true;
    };
    const error = await refusal(at, 1);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(`redirects (${status}) to ${at.trap.origin}`);
  });
});
