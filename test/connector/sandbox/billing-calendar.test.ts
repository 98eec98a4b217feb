import { afterEach, describe, expect, it } from 'vitest';
import {
  presentAt,
  startSandbox,
  type BillingCalendar,
  type Sandbox,
  type SandboxOptions,
} from '../../../connector/sandbox/sandbox.js';
import type { ScopeName } from '../../../connector/sandbox/data-scope.js';
import { ConfigError } from '../../../schemas/errors.js';
import { monthOf } from '../../../schemas/scope.js';
import { STREAMS, type StreamName } from '../../../schemas/streams.js';
import { ask, json, operationOf, rawField, textOf, type PlainManifest } from './sandbox-client.js';

const SEPTEMBER = 'G016907391';
const SEPTEMBER_EUR = 'G016907392';
const OCTOBER = 'G016907411';
const NOTE = 'G016907455';
const VOID_NOTE = 'G016907466';
const SCALE = 10n ** 10n;

interface Listed {
  readonly id: string;
  readonly status: string;
  readonly documentType: string;
  readonly amendsOf?: string;
  readonly invoiceDate: string;
  readonly totalCharges: number;
  readonly amendments: readonly Listed[];
}

interface Answered {
  readonly code: string | null;
  readonly eTag: string | null;
  readonly createdAt: string;
  readonly lines: readonly string[];
}

/** The amount of a field at scale 10. */
function amount(text: string | null): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '') ?? [];
  const value = BigInt(whole) * SCALE + BigInt(fraction.padEnd(10, '0'));
  return sign === '-' ? -value : value;
}

function sumOf(lines: readonly string[], field: string): bigint {
  return lines.reduce((sum, line) => sum + amount(rawField(line, field)), 0n);
}

/** Whether usage and lines differ by no more than a cent a line in every group of plan, product, SKU and availability. */
function agree(usage: readonly string[], lines: readonly string[]): boolean {
  const groups = new Map<string, { difference: bigint; lines: bigint }>();
  const add = (line: string, value: bigint, count: bigint): void => {
    const names = ['SubscriptionId', 'ProductId', 'SkuId', 'AvailabilityId'];
    const key = names.map((name) => rawField(line, name)).join(' ');
    const group = groups.get(key) ?? { difference: 0n, lines: 0n };
    groups.set(key, { difference: group.difference + value, lines: group.lines + count });
  };
  for (const line of usage) add(line, amount(rawField(line, 'BillingPreTaxTotal')), 0n);
  for (const line of lines.filter((one) => rawField(one, 'MeterDescription') !== null))
    add(line, -amount(rawField(line, 'Subtotal')), 1n);
  return [...groups.values()].every(({ difference, lines: count }) => {
    return (difference < 0n ? -difference : difference) <= (count * SCALE) / 100n;
  });
}

describe('a sandbox that follows the billing calendar', () => {
  let running: Sandbox | null = null;
  let today = new Date(0);
  afterEach(async () => {
    await running?.close();
    running = null;
  });

  const options = (calendar: BillingCalendar): SandboxOptions => ({
    invoices: [
      { id: SEPTEMBER, month: '2026-09', currency: 'USD' },
      { id: SEPTEMBER_EUR, month: '2026-09', currency: 'EUR' },
      { id: OCTOBER, month: '2026-10', currency: 'USD' },
    ],
    reconciliationRows: 60,
    blobs: 1,
    pollsUntilDone: 0,
    calendar,
  });

  async function start(calendar: BillingCalendar): Promise<Sandbox> {
    running = await startSandbox({ ...options(calendar), now: () => today });
    return running;
  }

  /** Two in the morning of a day, when a nightly run would start. */
  function on(day: string): void {
    today = new Date(`${day}T02:00:00Z`);
  }

  async function answer(scope: ScopeName): Promise<Answered> {
    if (running === null) throw new Error('no sandbox is running');
    const period = scope.month === monthOf(today) ? 'current' : 'last';
    const body =
      scope.invoice === undefined
        ? { billingPeriod: period, currencyCode: scope.currency }
        : { invoiceId: scope.invoice };
    const operation = await operationOf(running, scope.stream, body);
    if (operation['status'] === 'failed') {
      const { code } = operation['error'] as { readonly code: string };
      return { code, eTag: null, createdAt: '', lines: [] };
    }
    const manifest = operation['resourceLocation'] as PlainManifest & { readonly createdDateTime: string };
    const lines = (await textOf(manifest)).split('\n').filter((line) => line !== '');
    return { code: null, eTag: manifest.eTag, createdAt: manifest.createdDateTime, lines };
  }

  async function documents(): Promise<readonly Listed[]> {
    const url = `${running?.partnerCenterUrl ?? ''}/invoices`;
    const headers = { Authorization: `Bearer ${running?.partnerCenterToken ?? ''}` };
    return json(await ask(url, { headers }))['items'] as readonly Listed[];
  }

  const unbilled = (stream: StreamName, month: string): ScopeName => ({ stream, month, currency: 'USD' });
  const usageOf = (month: string) => answer(unbilled('unbilled_usage', month));
  const billedUsage = (invoice: string) => answer({ stream: 'billed_usage', invoice });
  const billedLines = (invoice: string) => answer({ stream: 'billed_reconciliation', invoice });

  it('has the days through yesterday of the month in progress, each day at a new eTag', async () => {
    await start({ pause: null });
    const eTags = new Set<string | null>();
    on('2026-10-01');
    expect((await usageOf('2026-10')).code).toBe('5000');
    for (const [day, rows] of [
      ['02', 4],
      ['03', 8],
      ['20', 76],
      ['31', 120],
    ] as const) {
      on(`2026-10-${day}`);
      const { lines, eTag, createdAt } = await usageOf('2026-10');
      expect(lines).toHaveLength(rows);
      const dates = lines.map((line) => rawField(line, 'UsageDate') ?? '').sort();
      expect([dates[0], dates.at(-1)]).toEqual([
        '2026-10-01',
        `2026-10-${String(rows / 4).padStart(2, '0')}`,
      ]);
      expect(createdAt).toBe(`2026-10-${day}T00:00:00.000Z`);
      eTags.add(eTag);
    }
    expect(eTags.size).toBe(4);
  });

  it('has under last on the 1st what was under current, whole, and nothing yet of the new month', async () => {
    await start({ firstDay: 'empty' });
    on('2026-10-31');
    const before = await usageOf('2026-10');
    on('2026-11-01');
    const after = await usageOf('2026-10');
    expect([before.lines.length, after.lines.length]).toEqual([4 * 30, 4 * 31]);
    expect(after.eTag).not.toBe(before.eTag);
    expect(await usageOf('2026-11')).toMatchObject({ code: null, lines: [] });
    expect((await answer(unbilled('unbilled_reconciliation', '2026-11'))).lines).toEqual([]);
    on('2026-11-02');
    expect((await answer(unbilled('unbilled_reconciliation', '2026-11'))).lines).toHaveLength(2);
  });

  it('pauses usage from the 5th to the 7th and refills on the 8th', async () => {
    await start({});
    on('2026-10-04');
    const before = await usageOf('2026-10');
    const lines = await answer(unbilled('unbilled_reconciliation', '2026-10'));
    for (const day of ['05', '06', '07']) {
      on(`2026-10-${day}`);
      expect(await usageOf('2026-10')).toEqual(before);
      const now = await answer(unbilled('unbilled_reconciliation', '2026-10'));
      expect(now.lines.length).toBeGreaterThan(lines.lines.length);
    }
    on('2026-10-08');
    const refilled = await usageOf('2026-10');
    expect([before.lines.length, refilled.lines.length]).toEqual([12, 28]);
    expect(refilled.eTag).not.toBe(before.eTag);
  });

  it('can vanish meanwhile: empty, or code 5000', async () => {
    await start({ pause: { from: 4, to: 6, current: 'empty', last: 'no data' } });
    on('2026-10-03');
    expect((await usageOf('2026-09')).lines).toHaveLength(4 * 30);
    on('2026-10-05');
    expect(await usageOf('2026-10')).toMatchObject({ code: null, lines: [] });
    expect((await usageOf('2026-09')).code).toBe('5000');
    on('2026-10-07');
    expect((await usageOf('2026-10')).lines).toHaveLength(24);
    expect((await usageOf('2026-09')).lines).toHaveLength(4 * 30);
  });

  it.each([
    ['empty', null, 0],
    ['shrunk', null, 12],
    ['unchanged', null, 120],
    ['no data', '5000', 0],
  ] as const)('answers %s for a month that is billed', async (afterBilling, code, rows) => {
    await start({ afterBilling, usageOn: 9 });
    on('2026-10-08');
    expect((await usageOf('2026-09')).lines).toHaveLength(120);
    on('2026-10-09');
    const after = await usageOf('2026-09');
    expect([after.code, after.lines.length]).toEqual([code, rows]);
  });

  it('lists an invoice on the 8th, and has lines, usage and what they agree on from days of their own', async () => {
    await start({ listedOn: 7, linesOn: 8, usageOn: 9, usageSettlesOn: 11, lateDays: 2 });
    on('2026-10-06');
    expect(await documents()).toEqual([]);
    on('2026-10-07');
    const listed = await documents();
    expect(listed.map(({ id, invoiceDate }) => [id, invoiceDate])).toEqual([
      [SEPTEMBER, '2026-10-07T00:00:00Z'],
      [SEPTEMBER_EUR, '2026-10-07T00:00:00Z'],
    ]);
    expect((await billedLines(SEPTEMBER)).code).toBe('5000');
    on('2026-10-08');
    const lines = await billedLines(SEPTEMBER);
    expect(lines).toMatchObject({ code: null, createdAt: '2026-10-08T00:00:00.000Z' });
    expect(sumOf(lines.lines, 'Total')).toBe(amount(String(listed[0]?.totalCharges)));
    expect((await billedUsage(SEPTEMBER)).code).toBe('5000');
    expect(running?.present().agrees(SEPTEMBER)).toBeNull();
    on('2026-10-10');
    const late = await billedUsage(SEPTEMBER);
    expect(late.lines).toHaveLength(4 * 28);
    expect(agree(late.lines, lines.lines)).toBe(false);
    expect(running?.present().agrees(SEPTEMBER)).toBe(false);
    on('2026-10-11');
    const settled = await billedUsage(SEPTEMBER);
    expect(settled).toMatchObject({ createdAt: '2026-10-11T00:00:00.000Z' });
    expect(settled.eTag).not.toBe(late.eTag);
    expect(settled.lines).toHaveLength(4 * 30);
    expect(agree(settled.lines, lines.lines)).toBe(true);
    expect(running?.present().agrees(SEPTEMBER)).toBe(true);
    expect((await billedLines(SEPTEMBER)).eTag).toBe(lines.eTag);
  });

  it('lets one invoice come on other days than the others', async () => {
    await start({ arrivals: { [SEPTEMBER_EUR]: { listedOn: 10, usageOn: 12 } }, usageSettlesOn: 12 });
    on('2026-10-10');
    expect((await documents()).map(({ id }) => id)).toEqual([SEPTEMBER, SEPTEMBER_EUR]);
    expect((await billedLines(SEPTEMBER_EUR)).code).toBeNull();
    expect((await billedUsage(SEPTEMBER_EUR)).code).toBe('5000');
    expect((await billedUsage(SEPTEMBER)).code).toBeNull();
    on('2026-10-09');
    expect((await documents()).map(({ id }) => id)).toEqual([SEPTEMBER]);
  });

  it('restates usage and lines of an invoice together: new eTags, changed rows, still agreeing', async () => {
    const change = { changed: 3, removed: 2, added: 1 };
    await start({ script: [{ on: '2026-10-14', restate: SEPTEMBER, change }] });
    on('2026-10-13');
    const [usage, lines] = [await billedUsage(SEPTEMBER), await billedLines(SEPTEMBER)];
    const [listed] = await documents();
    on('2026-10-14');
    const [usageAfter, linesAfter] = [await billedUsage(SEPTEMBER), await billedLines(SEPTEMBER)];
    expect(usageAfter.eTag).not.toBe(usage.eTag);
    expect(linesAfter.eTag).not.toBe(lines.eTag);
    expect(usageAfter.createdAt.slice(0, 10)).toBe('2026-10-14');
    expect(usageAfter.lines).toHaveLength(usage.lines.length - 1);
    expect(usageAfter.lines.filter((line) => !usage.lines.includes(line))).toHaveLength(4);
    expect(linesAfter.lines.filter((line) => !lines.lines.includes(line)).length).toBeGreaterThan(4);
    expect(agree(usage.lines, lines.lines)).toBe(true);
    expect(agree(usageAfter.lines, linesAfter.lines)).toBe(true);
    expect(running?.present().agrees(SEPTEMBER)).toBe(true);
    expect((await documents())[0]?.totalCharges).not.toBe(listed?.totalCharges);
    on('2026-10-30');
    expect((await billedUsage(SEPTEMBER)).eTag).toBe(usageAfter.eTag);
  });

  it('can restate one stream only, so that the two agree no longer', async () => {
    await start({
      script: [{ on: '2026-10-14', restate: SEPTEMBER, streams: ['billed_usage'], change: { added: 2 } }],
    });
    on('2026-10-13');
    const lines = await billedLines(SEPTEMBER);
    on('2026-10-14');
    expect((await billedLines(SEPTEMBER)).eTag).toBe(lines.eTag);
    expect(agree((await billedUsage(SEPTEMBER)).lines, lines.lines)).toBe(false);
    expect(running?.present().agrees(SEPTEMBER)).toBe(false);
  });

  it('nests a credit note below its invoice, with lines of its own or none', async () => {
    await start({
      script: [
        { on: '2026-10-20', creditNote: NOTE, amends: SEPTEMBER, lines: 5 },
        { on: '2026-10-21', creditNote: 'G016907456', amends: SEPTEMBER, lines: 0 },
      ],
    });
    on('2026-10-19');
    expect((await documents())[0]?.amendments).toEqual([]);
    expect((await billedLines(NOTE)).code).toBe('5000');
    on('2026-10-21');
    const notes = (await documents())[0]?.amendments ?? [];
    expect(notes.map(({ id, amendsOf, documentType }) => [id, amendsOf, documentType])).toEqual([
      [NOTE, SEPTEMBER, 'credit_note'],
      ['G016907456', SEPTEMBER, 'credit_note'],
    ]);
    const { lines } = await billedLines(NOTE);
    expect(lines).toHaveLength(5);
    expect(new Set(lines.map((line) => rawField(line, 'InvoiceNumber')))).toEqual(new Set([NOTE]));
    expect(sumOf(lines, 'Subtotal')).toBeLessThan(0n);
    expect(sumOf(lines, 'Total')).toBe(amount(String(notes[0]?.totalCharges)));
    expect((await billedUsage(NOTE)).code).toBe('5000');
    expect((await billedLines('G016907456')).code).toBe('5000');
  });

  it.each([
    ['stays', null],
    ['goes', '5000'],
  ] as const)('keeps a voided invoice in the list while its data %s', async (data, code) => {
    await start({ script: [{ on: '2026-10-16', void: SEPTEMBER, note: VOID_NOTE, data }] });
    on('2026-10-15');
    const [before] = await documents();
    expect([before?.status, before?.amendments]).toEqual(['active', []]);
    on('2026-10-16');
    const [after] = await documents();
    expect([after?.status, after?.totalCharges]).toEqual(['void', before?.totalCharges]);
    const [note] = after?.amendments ?? [];
    expect(note).toMatchObject({ id: VOID_NOTE, documentType: 'void_note', amendsOf: SEPTEMBER });
    expect(note?.totalCharges).toBe(-(before?.totalCharges ?? 0));
    expect([(await billedUsage(SEPTEMBER)).code, (await billedLines(SEPTEMBER)).code]).toEqual([code, code]);
    expect((await billedLines(VOID_NOTE)).code).toBe('5000');
  });

  it('is walked day by day through a quarter as the oracle says, which needs no server', async () => {
    const calendar: BillingCalendar = {
      usageOn: 9,
      usageSettlesOn: 11,
      afterBilling: 'shrunk',
      script: [
        { on: '2026-10-14', restate: SEPTEMBER },
        { on: '2026-10-20', creditNote: NOTE, amends: SEPTEMBER },
        { on: '2026-11-16', void: SEPTEMBER_EUR, note: VOID_NOTE, data: 'goes' },
      ],
    };
    await start(calendar);
    let exports = 0;
    let none = 0;
    for (let day = 0; day < 92; day++) {
      today = new Date(Date.UTC(2026, 8, 1 + day, 2));
      const oracle = presentAt(options(calendar), today);
      const listed = (await documents()).flatMap((one) => [one, ...one.amendments]);
      const said = oracle.documents.flatMap((one) => [one, ...one.amendments]);
      expect(listed.map(({ id, status }) => [id, status])).toEqual(
        said.map(({ id, status }) => [id, status]),
      );
      // Every scope on some days, the usual ones on the others: the walk stays quick.
      const scopes = oracle.scopes.filter(({ scope }) => day % 7 === 0 || scope.currency !== 'EUR');
      for (const { scope, holds } of scopes) {
        const { code, eTag, lines, createdAt } = await answer(scope);
        exports++;
        expect([scope, code, eTag]).toEqual([scope, holds === null ? '5000' : null, holds?.eTag ?? null]);
        if (holds === null) {
          none++;
          continue;
        }
        const field = scope.stream.endsWith('usage') ? 'BillingPreTaxTotal' : 'Subtotal';
        expect(lines).toHaveLength(holds.records);
        const [sum = '0'] = Object.values(holds.sums);
        expect(sumOf(lines, field)).toBe(amount(sum));
        expect(Date.parse(createdAt)).toBeLessThanOrEqual(today.getTime());
        const { table } = STREAMS[scope.stream];
        const currencies = new Set(lines.map((line) => rawField(line, columnOf(table.currency))));
        expect([...currencies]).toEqual(Object.keys(holds.sums));
      }
    }
    expect(exports).toBeGreaterThan(500);
    expect(none).toBeGreaterThan(10);
  }, 60_000);

  it('says the same with what was restated by hand', async () => {
    const sandbox = await start({});
    on('2026-10-12');
    const before = await billedUsage(SEPTEMBER);
    sandbox.restate({ stream: 'billed_usage', invoice: SEPTEMBER }, { removed: 2 });
    const after = await billedUsage(SEPTEMBER);
    expect(after.lines).toHaveLength(before.lines.length - 2);
    expect(sandbox.present().holds({ stream: 'billed_usage', invoice: SEPTEMBER })?.eTag).toBe(after.eTag);
    expect(sandbox.present().holds({ stream: 'billed_usage', invoice: OCTOBER })).toBeNull();
  });

  it.each([
    ['a day that is none', { script: [{ on: '2026-13-01', restate: SEPTEMBER }] }],
    ['an unknown invoice', { script: [{ on: '2026-10-14', restate: 'G099999999' }] }],
    ['a number that is taken', { script: [{ on: '2026-10-14', creditNote: OCTOBER, amends: SEPTEMBER }] }],
    ['a void note of its own void', { script: [{ on: '2026-10-14', void: 'G099999999', note: NOTE }] }],
    ['a day after every month’s end', { listedOn: 32 }],
    ['a pause that ends before it begins', { pause: { from: 7, to: 5 } }],
    ['arrivals of nobody', { arrivals: { G099999999: { listedOn: 9 } } }],
  ] satisfies [string, BillingCalendar][])('refuses %s', (_what, calendar) => {
    expect(() => presentAt(options(calendar), new Date('2026-10-20T02:00:00Z'))).toThrow(ConfigError);
  });

  it('holds nothing at a moment without a calendar', () => {
    expect(() => presentAt({}, new Date('2026-10-20T02:00:00Z'))).toThrow(/billing calendar/);
  });
});

/** The field of a column: `billing_currency` is `BillingCurrency`. */
function columnOf(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
