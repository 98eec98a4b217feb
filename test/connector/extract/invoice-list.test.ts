import { describe, expect, it } from 'vitest';
import { connectPartnerCenter } from '../../../connector/extract/connection.js';
import { readInvoiceList, type InvoiceListPages } from '../../../connector/extract/invoice-list.js';
import { ConfigError, IntegrityError, TransientError } from '../../../schemas/errors.js';
import { startServer, type Handler, type HttpDouble } from './http-double.js';
import { collected, configOf, errorOf, everythingIn, testClock, TOKEN, type TestClock } from './scene.js';

const LIST_TOKEN = 'planted-partner-center-token-42';

interface Scene {
  readonly server: HttpDouble;
  readonly clock: TestClock;
  readonly events: ReturnType<typeof collected>['events'];
  read(since?: string | null, signal?: AbortSignal): Promise<InvoiceListPages>;
}

async function scene(handler: Handler, auth: Record<string, string> = {}): Promise<Scene> {
  const server = await startServer(handler);
  const clock = testClock();
  const { events, report } = collected();
  const { client } = connectPartnerCenter({
    config: configOf('https://graph.microsoft.com/v1.0', {
      source: {
        partner_center_url: `${server.origin}/v1`,
        auth: { method: 'static_token', token: TOKEN, partner_center_token: LIST_TOKEN, ...auth },
      },
    }),
    report,
    clock,
    random: () => 0,
  });
  const read = (since: string | null = null, signal?: AbortSignal) =>
    readInvoiceList({ client, since, signal });
  return { server, clock, events, read };
}

/** A page with the given documents; the total is exact digits that no JavaScript number holds. */
function page(ids: readonly string[], next: string | null = null, totalCount?: number): string {
  const items = ids.map((id) => `{"id":"${id}","totalCharges":0.1999968000511991808131,"amendments":[]}`);
  const link = next === null ? '' : `,"next":{"uri":${JSON.stringify(next)},"method":"GET","headers":[]}`;
  const count = totalCount === undefined ? '' : `"totalCount":${totalCount},`;
  return `{${count}"items":[${items.join(',')}],"links":{"self":{"uri":"/invoices"}${link}},"attributes":{"objectType":"Collection"}}`;
}

/** Answers by the query of the request, or fails the test. */
function pages(byQuery: Readonly<Record<string, string | Buffer>>): Handler {
  return (request, response) => {
    const body = byQuery[request.query];
    response.writeHead(body === undefined ? 400 : 200, { 'content-type': 'application/json' });
    response.end(body ?? '{"code":"2000","description":"no such page"}');
  };
}

const refusal =
  (status: number, body: object, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'ms-requestid': 'pc-request-1', ...headers }).end(JSON.stringify(body));
  };

const inTurn = (...handlers: readonly Handler[]): Handler => {
  let count = 0;
  return (request, response) => handlers[Math.min(count++, handlers.length - 1)]?.(request, response);
};

describe('reading the invoice list', () => {
  it('follows relative links below the base address and keeps the text of each page as it came', async () => {
    const first = page(['G1', 'G2'], '/invoices?size=2&offset=2', 3);
    const last = page(['G3'], null, 3);
    const here = await scene(pages({ '': `\uFEFF${first}`, 'size=2&offset=2': last }));
    const read = await here.read();
    expect(read.pages).toEqual([first, last]);
    expect(read.pages[0]).toContain('0.1999968000511991808131');
    expect(read.documents).toBe(3);
    expect(here.server.requests.map(({ path }) => path)).toEqual(['/v1/invoices', '/v1/invoices']);
  });

  it.each(['/v1/invoices?offset=1', 'invoices?offset=1', 'ABSOLUTE'])(
    'takes a next link in the form %s too',
    async (form) => {
      let uri = form;
      const here = await scene((request, response) =>
        pages({ '': page(['G1'], uri), 'offset=1': page(['G2']) })(request, response),
      );
      if (form === 'ABSOLUTE') uri = `${here.server.origin}/v1/invoices?offset=1`;
      expect((await here.read()).documents).toBe(2);
    },
  );

  it('sends its own token and headers: one correlation id for all, one request id for each page', async () => {
    const next = '/invoices?offset=1';
    const here = await scene(pages({ '': page(['G1'], next), 'offset=1': page(['G2']) }));
    const { correlationId } = await here.read();
    const headers = here.server.requests.map((request) => request.headers);
    expect(headers).toHaveLength(2);
    for (const sent of headers) {
      expect(sent).toMatchObject({
        authorization: `Bearer ${LIST_TOKEN}`,
        accept: 'application/json',
        'ms-correlationid': correlationId,
        'ms-contract-version': 'v1',
        'x-locale': 'en-US',
      });
      expect(sent['client-request-id']).toBeUndefined();
    }
    expect(new Set(headers.map((sent) => sent['ms-requestid'])).size).toBe(2);
  });

  it('keeps the request id when it sends a request again, waiting as it is told', async () => {
    const throttled = refusal(
      429,
      { statusCode: 429, message: 'Try again in 57 seconds.' },
      { 'retry-after': '57' },
    );
    const here = await scene(inTurn(throttled, pages({ '': page(['G1']) })));
    await here.read();
    expect(here.clock.waits).toEqual([57_000]);
    expect(here.events).toMatchObject([{ event: 'retried', what: 'invoice list' }]);
    const [first, second] = here.server.requests;
    expect(second?.headers['ms-requestid']).toBe(first?.headers['ms-requestid']);
    expect(first?.headers['ms-requestid']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('asks for invoices from the first day of a month on', async () => {
    const here = await scene((request, response) => {
      const filter: unknown = JSON.parse(new URLSearchParams(request.query).get('filter') ?? '{}');
      expect(filter).toEqual({
        Field: 'InvoiceDate',
        Value: '2025-01-01',
        Operator: 'greater_than_or_equals',
      });
      response.writeHead(200).end(page(['G1']));
    });
    expect((await here.read('2025-01')).documents).toBe(1);
  });

  it.each([
    ['"totalCount":0,"items":[]', 'without items'],
    ['"TotalCount":0,"Items":null', 'without a list of items but with a count of 0'],
  ])('takes an empty list as an answer: %s', async (members) => {
    const here = await scene(pages({ '': `{${members}}` }));
    expect(await here.read()).toMatchObject({ pages: [`{${members}}`], documents: 0 });
  });
});

describe('a list that repeats', () => {
  it('ends at a link that was followed before', async () => {
    const here = await scene(
      pages({ '': page(['G1'], '/invoices?a=1'), 'a=1': page(['G2'], '/invoices?a=1') }),
    );
    expect((await here.read()).documents).toBe(2);
    expect(here.server.requests).toHaveLength(2);
  });

  it('ends at a page that brings no new id, whatever its next link says', async () => {
    let offset = 0;
    const here = await scene((_request, response) => {
      offset += 2;
      response.writeHead(200).end(page(['G1', 'G2'], `/invoices?size=2&offset=${offset}`, 2));
    });
    const { pages: read, documents } = await here.read();
    expect([read.length, documents]).toEqual([2, 2]);
  });

  it('is refused where it ends before its own count is reached', async () => {
    const here = await scene(pages({ '': page(['G1', 'G2'], '/invoices', 3) }));
    const error = await errorOf(here.read());
    expect(error).toBeInstanceOf(IntegrityError);
    expect((error as Error).message).toMatch(
      /there are 3 documents, but names 2 \(correlation id [0-9a-f-]{36}\)/,
    );
  });

  it('is whole where its count includes the amendments', async () => {
    const body =
      '{"totalCount":3,"items":[{"id":"G1","amendments":[{"id":"G2","amendments":[{"id":"G3"}]}]}]}';
    expect((await (await scene(pages({ '': body }))).read()).documents).toBe(1);
  });

  it('is refused where it never ends', async () => {
    let count = 0;
    const here = await scene((_request, response) => {
      count += 1;
      response.writeHead(200).end(page([`G${count}`], `/invoices?offset=${count}`));
    });
    expect(await errorOf(here.read())).toBeInstanceOf(IntegrityError);
    expect(count).toBe(1000);
  });
});

describe('a list that is refused', () => {
  it.each([
    [403, '900329', /no token of an app alone.*invoices: \[G\.\.\.\]/],
    [403, '900308', /App management.*invoices: \[G\.\.\.\]/],
    [403, '900309', /conditional access.*invoices: \[G\.\.\.\]/],
    [401, '900420', /another audience.*invoices: \[G\.\.\.\]/],
  ])('with %d, %s says which right is missing and how to list ids instead', async (status, code, hint) => {
    const here = await scene(
      refusal(status, { code, description: 'Said so.', data: [], source: 'PartnerFD' }),
    );
    const error = await errorOf(here.read());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(
      new RegExp(
        `^invoice list: Partner Center answered ${status}, ${code}: Said so\\. \\(request-id pc-request-1, correlation id `,
      ),
    );
    expect((error as ConfigError).hint).toMatch(hint);
    expect((error as ConfigError).facts).toMatchObject({ status, code, path: '/v1/invoices' });
  });

  it('names the missing right in the message of a 403', async () => {
    const here = await scene(refusal(403, {}));
    expect(((await errorOf(here.read())) as Error).message).toContain(
      'right to read invoices at Partner Center is missing',
    );
  });

  it.each([
    [404, 'source.partner_center_url'],
    [400, '`since`'],
  ])('with %d points to %s', async (status, setting) => {
    const error = await errorOf((await scene(refusal(status, {}))).read('2025-01'));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain(setting);
  });

  it('for a time is transient in the end', async () => {
    const here = await scene(refusal(500, { code: 2000, description: 'Internal error.' }));
    const error = await errorOf(here.read());
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(/500, 2000: Internal error\..*given up after 10 attempts/);
  });

  it.each([
    ['is no object', '[1]'],
    ['has no items', '{"totalCount":2}'],
    ['has items without a count', '{"links":{}}'],
    ['has items that are no list', '{"items":{"id":"G1"}}'],
    [
      'is no UTF-8',
      Buffer.from([...Buffer.from('{"items":[{"id":"G1","x":"'), 0xc3, ...Buffer.from('"}]}')]),
    ],
  ])('because it %s, is no list that could be kept', async (_name, body) => {
    expect(await errorOf((await scene(pages({ '': body }))).read())).toBeInstanceOf(IntegrityError);
  });

  it('never follows a link to another origin', async () => {
    const elsewhere = await startServer(pages({ '': page(['G9']) }));
    const here = await scene(pages({ '': page(['G1'], `${elsewhere.origin}/v1/invoices?token=1`) }));
    const error = await errorOf(here.read());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain('Partner Center points to');
    expect((error as ConfigError).hint).toContain('source.partner_center_url');
    expect(elsewhere.requests).toHaveLength(0);
  });

  it('for want of a token of its own says so, and sends nothing', async () => {
    const server = await startServer(pages({ '': page(['G1']) }));
    const { client } = connectPartnerCenter({
      config: configOf('https://graph.microsoft.com/v1.0', { source: { partner_center_url: server.origin } }),
      report: () => undefined,
      clock: testClock(),
    });
    const error = await errorOf(readInvoiceList({ client, since: null }));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain('source.auth.partner_center_token is not set');
    expect((error as ConfigError).hint).toContain('invoices: [G...]');
    expect(server.requests).toHaveLength(0);
  });

  it('shows no token in any error', async () => {
    const echo: Handler = (_request, response) => {
      response.writeHead(403).end(JSON.stringify({ code: '1', description: `Bearer ${LIST_TOKEN}` }));
    };
    const text = everythingIn(await errorOf((await scene(echo)).read()));
    expect(text).not.toContain(LIST_TOKEN);
    expect(text).not.toContain(TOKEN);
  });

  it('ends with the reason of an abort', async () => {
    const controller = new AbortController();
    controller.abort(new Error('stopped by a person'));
    const here = await scene(pages({ '': page(['G1']) }));
    expect(await errorOf(here.read(null, controller.signal))).toMatchObject({
      message: 'stopped by a person',
    });
    expect(here.server.requests).toHaveLength(0);
  });
});
