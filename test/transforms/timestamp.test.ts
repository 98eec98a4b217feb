import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateText, parseDate, parseTimestamp, timestampText } from '../../transforms/timestamp.js';

function instant(text: string): string | null {
  const parsed = parseTimestamp(text);
  if ('rejected' in parsed) return parsed.rejected;
  return parsed.micros === null ? null : timestampText(parsed.micros);
}

function day(text: string): string | null {
  const parsed = parseDate(text);
  if ('rejected' in parsed) return parsed.rejected;
  return parsed.days === null ? null : dateText(parsed.days);
}

const UNKNOWN = 'the value is no date in a known form';
const NO_DAY = 'the value is no day of the calendar';
const NO_TIME = 'the value has a time that no day has';
const NO_OFFSET = 'the value has a UTC offset that does not exist';
const OUT_OF_RANGE = 'the value lies outside the years 0002 to 9999';

describe('a timestamp', () => {
  it.each([
    ['2018-11-13T00:00:00Z', '2018-11-13T00:00:00.000000'],
    ['2018-11-13t00:00:00z', '2018-11-13T00:00:00.000000'],
    ['2018-11-13 07:08:09', '2018-11-13T07:08:09.000000'],
    ['2021-05-20T18:30:06.6045692Z', '2021-05-20T18:30:06.604569'],
    ['2021-05-20T18:30:06.9999999Z', '2021-05-20T18:30:06.999999'],
    ['1969-12-31T23:59:59.9999999Z', '1969-12-31T23:59:59.999999'],
    ['2021-05-20T18:30:06.6Z', '2021-05-20T18:30:06.600000'],
    ['2021-05-20T18:30:06.604569123', '2021-05-20T18:30:06.604569'],
    ['2021-05-01T00:00:00', '2021-05-01T00:00:00.000000'],
    ['2019-02-04T09:22:40.1767993-08:00', '2019-02-04T17:22:40.176799'],
    ['2019-02-04T23:22:40-0800', '2019-02-05T07:22:40.000000'],
    ['2020-03-01T00:30:00+05:30', '2020-02-29T19:00:00.000000'],
    ['2021-01-01T00:00:00+14:00', '2020-12-31T10:00:00.000000'],
    ['2024-02-29', '2024-02-29T00:00:00.000000'],
    ['2000-02-29', '2000-02-29T00:00:00.000000'],
    ['9999-12-31T23:59:59.9999999', '9999-12-31T23:59:59.999999'],
    ['0002-01-01', '0002-01-01T00:00:00.000000'],
    ['1582-10-10T00:00:00Z', '1582-10-10T00:00:00.000000'],
  ])('%s is the instant %s', (text, expected) => {
    expect(instant(text)).toBe(expected);
  });

  it.each([
    '0001-01-01T00:00:00',
    '0001-01-01T00:00:00Z',
    '0001-01-01',
    '0001-01-01T00:00:00.0000000Z',
    '0001-01-01T08:00:00+08:00',
  ])('%s is the sentinel for no date', (text) => {
    expect(instant(text)).toBeNull();
    expect(day(text)).toBeNull();
  });

  it.each([
    ['10/3/2020', UNKNOWN],
    ['9/30/2020 12:00:00 AM', UNKNOWN],
    ['2020-1-3', UNKNOWN],
    ['20200103', UNKNOWN],
    ['2020-01-03T10:00', UNKNOWN],
    ['2020-01-03T10:00:00.', UNKNOWN],
    ['2020-01-03Z', UNKNOWN],
    ['2020-01-03T10:00:00 Z', UNKNOWN],
    ['2020-01-03T10:00:00+1', UNKNOWN],
    ['+2020-01-03', UNKNOWN],
    ['-2020-01-03', UNKNOWN],
    ['12020-01-03', UNKNOWN],
    [' 2020-01-03', UNKNOWN],
    ['2020-01-03\n', UNKNOWN],
    ['now', UNKNOWN],
    ['infinity', UNKNOWN],
    ['1577836800', UNKNOWN],
    ['２０２０-01-03', UNKNOWN],
    ['2023-02-29', NO_DAY],
    ['1900-02-29', NO_DAY],
    ['2024-02-30', NO_DAY],
    ['2024-04-31', NO_DAY],
    ['2024-00-01', NO_DAY],
    ['2024-13-01', NO_DAY],
    ['2024-01-00', NO_DAY],
    ['2024-01-32', NO_DAY],
    ['2024-01-01T24:00:00', NO_TIME],
    ['2024-01-01T23:60:00', NO_TIME],
    ['2016-12-31T23:59:60Z', NO_TIME],
    ['2024-01-01T00:00:00+14:01', NO_OFFSET],
    ['2024-01-01T00:00:00-99:00', NO_OFFSET],
    ['2024-01-01T00:00:00+01:60', NO_OFFSET],
    ['0000-01-01', OUT_OF_RANGE],
    ['0001-06-15', OUT_OF_RANGE],
    ['0002-01-01T00:00:00+01:00', OUT_OF_RANGE],
    ['9999-12-31T23:59:59-01:00', OUT_OF_RANGE],
  ])('%j is rejected: %s', (text, reason) => {
    expect(instant(text)).toBe(reason);
  });

  it('agrees with the calendar of the language on every day and millisecond', () => {
    const date = fc.date({
      min: new Date('0002-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
    });
    fc.assert(
      fc.property(
        date.filter((value) => !Number.isNaN(value.getTime())),
        (value) => {
          const iso = value.toISOString();
          expect(parseTimestamp(iso)).toEqual({ micros: BigInt(value.getTime()) * 1000n });
          expect(instant(iso)).toBe(iso.replace('Z', '000'));
          expect(parseDate(iso)).toEqual({ days: Math.floor(value.getTime() / 86_400_000) });
          expect(day(iso)).toBe(iso.slice(0, 10));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('means the same instant whatever offset it is written with', () => {
    const minute = fc.integer({ min: -60_000_000, max: 60_000_000 });
    const offset = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(minute, offset, (at, ahead) => {
        const local = new Date((at + ahead) * 60_000).toISOString().slice(0, 19);
        const size = Math.abs(ahead);
        const clock = `${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
        const written = `${local}${ahead < 0 ? '-' : '+'}${clock}`;
        expect(parseTimestamp(written)).toEqual({ micros: BigInt(at) * 60_000_000n });
      }),
    );
  });
});

describe('a date', () => {
  it.each([
    ['2018-11-13', '2018-11-13'],
    ['2018-11-13T00:00:00Z', '2018-11-13'],
    ['2018-11-13T23:59:59.9999999', '2018-11-13'],
    ['2024-03-31T23:30:00-08:00', '2024-03-31'],
    ['2024-03-31T00:30:00+14:00', '2024-03-31'],
    ['9999-12-31T23:59:59-14:00', '9999-12-31'],
  ])('%s is the day that is written: %s', (text, expected) => {
    expect(day(text)).toBe(expected);
  });

  it.each([
    ['10/3/2020', UNKNOWN],
    ['2023-02-29', NO_DAY],
    ['2024-01-01T24:00:00', NO_TIME],
    ['2024-01-01T00:00:00+15:00', NO_OFFSET],
    ['0001-12-31', OUT_OF_RANGE],
  ])('%s is rejected: %s', (text, reason) => {
    expect(day(text)).toBe(reason);
  });
});
