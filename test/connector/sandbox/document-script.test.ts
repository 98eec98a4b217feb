import { afterEach, describe, expect, it } from 'vitest';
import {
  agree,
  amount,
  CalendarClient,
  NOTE,
  SEPTEMBER,
  SEPTEMBER_EUR,
  sumOf,
  VOID_NOTE,
} from './calendar-client.js';
import { rawField } from './sandbox-client.js';

describe('the documents of a sandbox that follows the billing calendar', () => {
  const client = new CalendarClient();
  afterEach(() => client.close());

  it('lists an invoice on the 8th, and has lines, usage and what they agree on from days of their own', async () => {
    await client.start({ listedOn: 7, linesOn: 8, usageOn: 9, usageSettlesOn: 11, lateDays: 2 });
    client.on('2026-10-06');
    expect(await client.documents()).toEqual([]);
    client.on('2026-10-07');
    const listed = await client.documents();
    expect(listed.map(({ id, invoiceDate }) => [id, invoiceDate])).toEqual([
      [SEPTEMBER, '2026-10-07T00:00:00Z'],
      [SEPTEMBER_EUR, '2026-10-07T00:00:00Z'],
    ]);
    expect((await client.billedLines(SEPTEMBER)).code).toBe('5000');
    client.on('2026-10-08');
    const lines = await client.billedLines(SEPTEMBER);
    expect(lines).toMatchObject({ code: null, createdAt: '2026-10-08T00:00:00.000Z' });
    expect(sumOf(lines.lines, 'Total')).toBe(amount(String(listed[0]?.totalCharges)));
    expect((await client.billedUsage(SEPTEMBER)).code).toBe('5000');
    expect(client.sandbox.present().agrees(SEPTEMBER)).toBeNull();
    client.on('2026-10-10');
    const late = await client.billedUsage(SEPTEMBER);
    expect(late.lines).toHaveLength(4 * 28);
    expect(agree(late.lines, lines.lines)).toBe(false);
    expect(client.sandbox.present().agrees(SEPTEMBER)).toBe(false);
    client.on('2026-10-11');
    const settled = await client.billedUsage(SEPTEMBER);
    expect(settled).toMatchObject({ createdAt: '2026-10-11T00:00:00.000Z' });
    expect(settled.eTag).not.toBe(late.eTag);
    expect(settled.lines).toHaveLength(4 * 30);
    expect(agree(settled.lines, lines.lines)).toBe(true);
    expect(client.sandbox.present().agrees(SEPTEMBER)).toBe(true);
    expect((await client.billedLines(SEPTEMBER)).eTag).toBe(lines.eTag);
  });

  it('lets one invoice come on other days than the others', async () => {
    await client.start({ arrivals: { [SEPTEMBER_EUR]: { listedOn: 10, usageOn: 12 } }, usageSettlesOn: 12 });
    client.on('2026-10-10');
    expect((await client.documents()).map(({ id }) => id)).toEqual([SEPTEMBER, SEPTEMBER_EUR]);
    expect((await client.billedLines(SEPTEMBER_EUR)).code).toBeNull();
    expect((await client.billedUsage(SEPTEMBER_EUR)).code).toBe('5000');
    expect((await client.billedUsage(SEPTEMBER)).code).toBeNull();
    client.on('2026-10-09');
    expect((await client.documents()).map(({ id }) => id)).toEqual([SEPTEMBER]);
  });

  it('restates usage and lines of an invoice together: new eTags, changed rows, still agreeing', async () => {
    const change = { changed: 3, removed: 2, added: 1 };
    await client.start({ script: [{ on: '2026-10-14', restate: SEPTEMBER, change }] });
    client.on('2026-10-13');
    const [usage, lines] = [await client.billedUsage(SEPTEMBER), await client.billedLines(SEPTEMBER)];
    const [listed] = await client.documents();
    client.on('2026-10-14');
    const [usageAfter, linesAfter] = [
      await client.billedUsage(SEPTEMBER),
      await client.billedLines(SEPTEMBER),
    ];
    expect(usageAfter.eTag).not.toBe(usage.eTag);
    expect(linesAfter.eTag).not.toBe(lines.eTag);
    expect(usageAfter.createdAt.slice(0, 10)).toBe('2026-10-14');
    expect(usageAfter.lines).toHaveLength(usage.lines.length - 1);
    expect(usageAfter.lines.filter((line) => !usage.lines.includes(line))).toHaveLength(4);
    expect(linesAfter.lines.filter((line) => !lines.lines.includes(line)).length).toBeGreaterThan(4);
    expect(agree(usage.lines, lines.lines)).toBe(true);
    expect(agree(usageAfter.lines, linesAfter.lines)).toBe(true);
    expect(client.sandbox.present().agrees(SEPTEMBER)).toBe(true);
    expect((await client.documents())[0]?.totalCharges).not.toBe(listed?.totalCharges);
    client.on('2026-10-30');
    expect((await client.billedUsage(SEPTEMBER)).eTag).toBe(usageAfter.eTag);
  });

  it('can restate one stream only, so that the two agree no longer', async () => {
    await client.start({
      script: [{ on: '2026-10-14', restate: SEPTEMBER, streams: ['billed_usage'], change: { added: 2 } }],
    });
    client.on('2026-10-13');
    const lines = await client.billedLines(SEPTEMBER);
    client.on('2026-10-14');
    expect((await client.billedLines(SEPTEMBER)).eTag).toBe(lines.eTag);
    expect(agree((await client.billedUsage(SEPTEMBER)).lines, lines.lines)).toBe(false);
    expect(client.sandbox.present().agrees(SEPTEMBER)).toBe(false);
  });

  it('nests a credit note below its invoice, with lines of its own or none', async () => {
    await client.start({
      script: [
        { on: '2026-10-20', creditNote: NOTE, amends: SEPTEMBER, lines: 5 },
        { on: '2026-10-21', creditNote: 'G016907456', amends: SEPTEMBER, lines: 0 },
      ],
    });
    client.on('2026-10-19');
    expect((await client.documents())[0]?.amendments).toEqual([]);
    expect((await client.billedLines(NOTE)).code).toBe('5000');
    client.on('2026-10-21');
    const notes = (await client.documents())[0]?.amendments ?? [];
    expect(notes.map(({ id, amendsOf, documentType }) => [id, amendsOf, documentType])).toEqual([
      [NOTE, SEPTEMBER, 'credit_note'],
      ['G016907456', SEPTEMBER, 'credit_note'],
    ]);
    const { lines } = await client.billedLines(NOTE);
    expect(lines).toHaveLength(5);
    expect(new Set(lines.map((line) => rawField(line, 'InvoiceNumber')))).toEqual(new Set([NOTE]));
    expect(sumOf(lines, 'Subtotal')).toBeLessThan(0n);
    expect(sumOf(lines, 'Total')).toBe(amount(String(notes[0]?.totalCharges)));
    expect((await client.billedUsage(NOTE)).code).toBe('5000');
    expect((await client.billedLines('G016907456')).code).toBe('5000');
  });

  it.each([
    ['stays', null],
    ['goes', '5000'],
  ] as const)('keeps a voided invoice in the list while its data %s', async (data, code) => {
    await client.start({ script: [{ on: '2026-10-16', void: SEPTEMBER, note: VOID_NOTE, data }] });
    client.on('2026-10-15');
    const [before] = await client.documents();
    expect([before?.status, before?.amendments]).toEqual(['active', []]);
    client.on('2026-10-16');
    const [after] = await client.documents();
    expect([after?.status, after?.totalCharges]).toEqual(['void', before?.totalCharges]);
    const [note] = after?.amendments ?? [];
    expect(note).toMatchObject({ id: VOID_NOTE, documentType: 'void_note', amendsOf: SEPTEMBER });
    expect(note?.totalCharges).toBe(-(before?.totalCharges ?? 0));
    expect([(await client.billedUsage(SEPTEMBER)).code, (await client.billedLines(SEPTEMBER)).code]).toEqual([
      code,
      code,
    ]);
    expect((await client.billedLines(VOID_NOTE)).code).toBe('5000');
  });
});
