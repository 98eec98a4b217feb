import { afterEach, describe, expect, it } from 'vitest';
import { presentAt, type BillingCalendar } from '../../../connector/sandbox/sandbox.js';
import { ConfigError } from '../../../schemas/errors.js';
import { STREAMS } from '../../../schemas/streams.js';
import {
  amount,
  CalendarClient,
  calendarOptions,
  NOTE,
  OCTOBER,
  SEPTEMBER,
  SEPTEMBER_EUR,
  sumOf,
  VOID_NOTE,
} from './calendar-client.js';
import { rawField } from './sandbox-client.js';

describe('the months of a sandbox that follows the billing calendar', () => {
  const client = new CalendarClient();
  afterEach(() => client.close());

  it('has the days through yesterday of the month in progress, each day at a new eTag', async () => {
    await client.start({ pause: null });
    const eTags = new Set<string | null>();
    client.on('2026-10-01');
    expect((await client.usageOf('2026-10')).code).toBe('5000');
    for (const [day, rows] of [
      ['02', 4],
      ['03', 8],
      ['20', 76],
      ['31', 120],
    ] as const) {
      client.on(`2026-10-${day}`);
      const { lines, eTag, createdAt } = await client.usageOf('2026-10');
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
    await client.start({ firstDay: 'empty' });
    client.on('2026-10-31');
    const before = await client.usageOf('2026-10');
    client.on('2026-11-01');
    const after = await client.usageOf('2026-10');
    expect([before.lines.length, after.lines.length]).toEqual([4 * 30, 4 * 31]);
    expect(after.eTag).not.toBe(before.eTag);
    expect(await client.usageOf('2026-11')).toMatchObject({ code: null, lines: [] });
    expect((await client.linesOf('2026-11')).lines).toEqual([]);
    client.on('2026-11-02');
    expect((await client.linesOf('2026-11')).lines).toHaveLength(2);
  });

  it('pauses usage from the 5th to the 7th and refills on the 8th', async () => {
    await client.start({});
    client.on('2026-10-04');
    const before = await client.usageOf('2026-10');
    const lines = await client.linesOf('2026-10');
    for (const day of ['05', '06', '07']) {
      client.on(`2026-10-${day}`);
      expect(await client.usageOf('2026-10')).toEqual(before);
      const now = await client.linesOf('2026-10');
      expect(now.lines.length).toBeGreaterThan(lines.lines.length);
    }
    client.on('2026-10-08');
    const refilled = await client.usageOf('2026-10');
    expect([before.lines.length, refilled.lines.length]).toEqual([12, 28]);
    expect(refilled.eTag).not.toBe(before.eTag);
  });

  it('can vanish meanwhile: empty, or code 5000', async () => {
    await client.start({ pause: { from: 4, to: 6, current: 'empty', last: 'no data' } });
    client.on('2026-10-03');
    expect((await client.usageOf('2026-09')).lines).toHaveLength(4 * 30);
    client.on('2026-10-05');
    expect(await client.usageOf('2026-10')).toMatchObject({ code: null, lines: [] });
    expect((await client.usageOf('2026-09')).code).toBe('5000');
    client.on('2026-10-07');
    expect((await client.usageOf('2026-10')).lines).toHaveLength(24);
    expect((await client.usageOf('2026-09')).lines).toHaveLength(4 * 30);
  });

  it.each([
    ['empty', null, 0],
    ['shrunk', null, 12],
    ['unchanged', null, 120],
    ['no data', '5000', 0],
  ] as const)('answers %s for a month that is billed', async (afterBilling, code, rows) => {
    await client.start({ afterBilling, usageOn: 9 });
    client.on('2026-10-08');
    expect((await client.usageOf('2026-09')).lines).toHaveLength(120);
    client.on('2026-10-09');
    const after = await client.usageOf('2026-09');
    expect([after.code, after.lines.length]).toEqual([code, rows]);
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
    await client.start(calendar);
    const seen = new Map<string, string | undefined>();
    let exports = 0;
    let none = 0;
    for (let day = 0; day < 92; day++) {
      client.on(new Date(Date.UTC(2026, 8, 1 + day)).toISOString().slice(0, 10));
      const oracle = presentAt(calendarOptions(calendar), client.now);
      const listed = (await client.documents()).flatMap((one) => [one, ...one.amendments]);
      const said = oracle.documents.flatMap((one) => [one, ...one.amendments]);
      expect(listed.map(({ id, status }) => [id, status])).toEqual(
        said.map(({ id, status }) => [id, status]),
      );
      for (const { scope, holds } of oracle.scopes) {
        // What did not change is looked at once a week, which keeps the walk quick.
        const isSame = seen.has(JSON.stringify(scope)) && seen.get(JSON.stringify(scope)) === holds?.eTag;
        seen.set(JSON.stringify(scope), holds?.eTag);
        if (isSame && day % 7 !== 0) continue;
        const { code, eTag, lines, createdAt } = await client.answer(scope);
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
        expect(Date.parse(createdAt)).toBeLessThanOrEqual(client.now.getTime());
        const { table } = STREAMS[scope.stream];
        const currencies = new Set(lines.map((line) => rawField(line, columnOf(table.currency))));
        expect([...currencies]).toEqual(Object.keys(holds.sums));
      }
    }
    expect(exports).toBeGreaterThan(400);
    expect(none).toBeGreaterThan(10);
  }, 60_000);

  it('says the same with what was restated by hand', async () => {
    const sandbox = await client.start({});
    client.on('2026-10-12');
    const before = await client.billedUsage(SEPTEMBER);
    sandbox.restate({ stream: 'billed_usage', invoice: SEPTEMBER }, { removed: 2 });
    const after = await client.billedUsage(SEPTEMBER);
    expect(after.lines).toHaveLength(before.lines.length - 2);
    expect(sandbox.present().holds({ stream: 'billed_usage', invoice: SEPTEMBER })?.eTag).toBe(after.eTag);
    expect(sandbox.present().holds({ stream: 'billed_usage', invoice: OCTOBER })).toBeNull();
  });

  it.each([
    ['a day that is none', { script: [{ on: '2026-13-01', restate: SEPTEMBER }] }],
    ['an unknown invoice', { script: [{ on: '2026-10-14', restate: 'G099999999' }] }],
    ['a number that is taken', { script: [{ on: '2026-10-14', creditNote: OCTOBER, amends: SEPTEMBER }] }],
    ['a void of an unknown invoice', { script: [{ on: '2026-10-14', void: 'G099999999', note: NOTE }] }],
    ['a day after every month’s end', { listedOn: 32 }],
    ['a pause that ends before it begins', { pause: { from: 7, to: 5 } }],
    ['arrivals of nobody', { arrivals: { G099999999: { listedOn: 9 } } }],
  ] satisfies [string, BillingCalendar][])('refuses %s', (_what, calendar) => {
    expect(() => presentAt(calendarOptions(calendar), new Date('2026-10-20T02:00:00Z'))).toThrow(ConfigError);
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
