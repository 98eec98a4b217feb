import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../../connector/sandbox/sandbox.js';
import { ask, json, small, type Answer } from './sandbox-client.js';

interface Page {
  readonly totalCount: number;
  readonly items: readonly {
    readonly id: string;
    readonly status: string;
    readonly amendments: readonly Note[];
  }[];
  readonly links: { readonly next?: { readonly uri: string } };
}
interface Note {
  readonly id: string;
  readonly amendsOf: string;
  readonly documentType: string;
}

describe('Partner Center’s invoice list of the sandbox', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await small();
  });
  afterAll(() => sandbox.close());

  const list = (path: string): Promise<Answer> =>
    ask(`${sandbox.partnerCenterUrl}${path}`, {
      headers: { Authorization: `Bearer ${sandbox.partnerCenterToken}`, 'MS-RequestId': 'mine' },
    });

  it('takes its own token only and echoes its own headers', async () => {
    const graphToken = { Authorization: `Bearer ${sandbox.token}` };
    const refused = await ask(`${sandbox.partnerCenterUrl}/invoices`, { headers: graphToken });
    expect([refused.status, json(refused)['code']]).toEqual([401, '900420']);
    const taken = await list('/invoices');
    expect([taken.status, taken.headers['ms-requestid']]).toEqual([200, 'mine']);
    expect((await list('/invoices/G016907411')).status).toBe(403);
  });

  it('leads through its pages by relative links until there is no next one', async () => {
    const ids: string[] = [];
    let uri: string | undefined = '/invoices?size=2&offset=0';
    let pages = 0;
    while (uri !== undefined) {
      const page: Page = json(await list(uri)) as unknown as Page;
      ids.push(...page.items.map(({ id }) => id));
      expect(page.items.length).toBeLessThanOrEqual(2);
      uri = page.links.next?.uri;
      pages++;
    }
    const whole = json(await list('/invoices')) as unknown as Page;
    expect(pages).toBe(3);
    expect(ids).toEqual(whole.items.map(({ id }) => id));
    expect(whole.totalCount).toBe(ids.length);
    expect(ids.slice(0, 2)).toEqual(['G016907411', 'G016907412']);
  });

  it('nests notes below what they amend and shows void and legacy documents', async () => {
    const { items } = json(await list('/invoices')) as unknown as Page;
    const notes = items.flatMap(({ amendments }) => amendments);
    expect(notes.map(({ documentType }) => documentType)).toEqual(['adjustment_note', 'void_note']);
    expect(notes[0]?.amendsOf).toBe('G016907411');
    expect(items.map(({ status }) => status)).toContain('void');
    expect(items.filter(({ id }) => id.startsWith('D'))).toHaveLength(3);
    const ids = [...items, ...notes].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has the exact sum of an invoice’s lines as a number token', async () => {
    const text = (await list('/invoices')).body.toString('utf8');
    const total = sandbox.totalCharges('G016907412');
    expect(total).toMatch(/^\d+(\.\d{1,2})?$/);
    expect(text).toContain(
      `"totalCharges":${total},"paidAmount":0,"currencyCode":"EUR","currencySymbol":"€"`,
    );
  });

  it('lets through what a filter by invoice date wants, also on the pages after the first', async () => {
    const filter = (value: object) => `filter=${encodeURIComponent(JSON.stringify(value))}`;
    const from = (day: string) => ({ Field: 'InvoiceDate', Value: day, Operator: 'greater_than_or_equals' });
    const until = (day: string) => ({ Field: 'InvoiceDate', Value: day, Operator: 'less_than' });
    const total = async (value: object) =>
      (json(await list(`/invoices?${filter(value)}`)) as unknown as Page).totalCount;
    const between = (from: object, until: object) => ({
      Operator: 'and',
      LeftFilter: from,
      RightFilter: until,
    });
    expect(await total(from('2026-11-08'))).toBe(6);
    expect(await total(from('2026-11-09'))).toBe(0);
    expect(await total(between(from('2026-11-01'), until('2026-12-01')))).toBe(6);
    expect(await total(between(from('2026-11-09'), until('2026-12-01')))).toBe(0);
    const first = json(await list(`/invoices?size=4&${filter(from('2026-11-01'))}`)) as unknown as Page;
    const rest = json(await list(first.links.next?.uri ?? '')) as unknown as Page;
    expect([rest.items.length, first.links.next?.uri]).toEqual([2, expect.stringContaining('filter=')]);
    for (const wrong of ['{', '{"Field":"Total","Value":"1","Operator":"equals"}', '{"Operator":"and"}']) {
      expect((await list(`/invoices?filter=${encodeURIComponent(wrong)}`)).status).toBe(400);
    }
  });

  it('has a period for invoices, none for notes, and the date that means none for legacy invoices', async () => {
    const { items } = json(await list('/invoices')) as unknown as {
      items: {
        id: string;
        billingPeriodStartDate?: string;
        amendments: { billingPeriodStartDate?: string }[];
      }[];
    };
    expect(items[0]?.billingPeriodStartDate).toBe('2026-10-01T00:00:00Z');
    expect(items[0]?.amendments[0]?.billingPeriodStartDate).toBeUndefined();
    expect(items.find(({ id }) => id.startsWith('D'))?.billingPeriodStartDate).toBe('0001-01-01T00:00:00');
  });

  it('is empty, counts wrong, leads back to itself or refuses the audience on demand', async () => {
    sandbox.setFaults(['invoices-empty:1']);
    expect(json(await list('/invoices'))).toMatchObject({ totalCount: 0, items: [] });
    sandbox.setFaults(['invoices-total-count:1', 'invoices-same-next:1']);
    const page = json(await list('/invoices?size=10&offset=0')) as unknown as Page;
    expect([page.totalCount, page.items.length]).toEqual([7, 6]);
    expect(page.links.next?.uri).toBe('/invoices?size=10&offset=0');
    sandbox.setFaults(['invoices-401:1']);
    const refused = await list('/invoices');
    expect([refused.status, json(refused)['code']]).toEqual([401, '900420']);
  });

  it('repeats itself, fails and throttles on demand', async () => {
    sandbox.setFaults(['invoices-repeat:1']);
    const page = json(await list('/invoices?size=2&offset=40')) as unknown as Page;
    expect(page.items[0]?.id).toBe('G016907411');
    expect(page.links.next?.uri).toBe('/invoices?size=2&offset=42');
    sandbox.setFaults(['invoices-403:1', 'invoices-429:1', 'invoices-500:1']);
    const answers = [await list('/invoices'), await list('/invoices'), await list('/invoices')];
    expect(answers.map(({ status }) => status)).toEqual([403, 429, 500]);
    expect(answers[1]?.headers['retry-after']).toBe('57');
    sandbox.setFaults([]);
    expect((await list('/invoices')).status).toBe(200);
  });
});
