import fc from 'fast-check';
import type { Column, Table } from '../../schemas/table.js';

/** How a blob writes its lines: chosen once for all of them, as a service does. */
interface Style {
  readonly names: 'documented' | 'camel' | 'lower' | 'upper' | 'alias';
  readonly space: '' | ' ';
  readonly numbers: 'number' | 'string' | 'mixed';
  readonly missing: 'left out' | 'null' | 'blank' | 'mixed';
  readonly order: 'documented' | 'reversed' | 'each its own';
  readonly end: '\n' | '\r\n';
  readonly unknown: readonly string[];
}

const styles: fc.Arbitrary<Style> = fc.record({
  names: fc.constantFrom('documented', 'documented', 'camel', 'lower', 'upper', 'alias'),
  space: fc.constantFrom('', '', ' '),
  numbers: fc.constantFrom('number', 'number', 'string', 'mixed'),
  missing: fc.constantFrom('left out', 'left out', 'null', 'blank', 'mixed'),
  order: fc.constantFrom('documented', 'documented', 'documented', 'reversed', 'each its own'),
  end: fc.constantFrom('\n', '\n', '\r\n'),
  unknown: fc.subarray(['NewField', 'newfield2', 'Ünbekannt', 'a "quoted" name', 'Zz', ''], { maxLength: 3 }),
});

const digits = (min: number, max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...'0123456789'), { minLength: min, maxLength: max }).map((list) => list.join(''));

const whole = fc.oneof(
  fc.constantFrom('0', '1', '9999999999999999'),
  fc.tuple(fc.constantFrom(...'123456789'), digits(0, 15)).map(([first, rest]) => first + rest),
);
const fraction = fc.oneof(
  digits(1, 6),
  digits(17, 24),
  fc.constantFrom(
    '10',
    '500',
    '0',
    '0000000000000000000001',
    '00000000000000000000005',
    '9999999999999999999999',
  ),
);
const exponent = fc
  .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 12 }))
  .map(([mark, sign, size]) => `${mark}${sign}${size < 10 ? '0' : ''}${size}`);
/** JSON numbers of every form; few of them do not fit. */
const numbers = fc
  .oneof(
    {
      weight: 9,
      arbitrary: fc.tuple(fc.constantFrom('', '', '', '-'), whole, fc.option(fraction, { freq: 4 })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom('', '-'),
        digits(1, 3).map((text) => `1${text}`),
        fc.option(digits(1, 8)),
        exponent,
      ),
    },
  )
  .map(
    ([sign, before, after, power = '']) =>
      `${sign}${before}${typeof after === 'string' ? `.${after}` : ''}${power}`,
  );
const oddNumbers = fc.oneof(
  fc.constantFrom(
    '10000000000000000',
    '123456789012345678901',
    '1e16',
    '1e-30',
    '1e999',
    '0e9',
    '-0',
    '0.00000000000000000000005',
  ),
  fc.tuple(whole, fc.option(fraction), exponent).map(([a, b, c]) => `${a}${b === null ? '' : `.${b}`}${c}`),
);
const oddNumberTexts = fc.constantFrom(
  '007',
  '1,5',
  'NaN',
  '1.',
  '.5',
  '+1',
  '1e',
  '0x1',
  ' 1',
  '1 ',
  '--1',
  ' ',
  '',
);

const two = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((value) => String(value).padStart(2, '0'));
const days = fc
  .tuple(fc.integer({ min: 2, max: 9999 }), two(1, 12), two(1, 28))
  .map(([year, month, day]) => `${String(year).padStart(4, '0')}-${month}-${day}`);
const times = fc
  .tuple(fc.constantFrom('T', 'T', ' ', 't'), two(0, 23), two(0, 59), two(0, 59), fc.option(digits(1, 9)))
  .map(
    ([mark, hour, minute, second, part]) =>
      `${mark}${hour}:${minute}:${second}${part === null ? '' : `.${part}`}`,
  );
const zones = fc.constantFrom('', '', 'Z', 'Z', 'z', '+02:00', '-0530');
const dateTexts = fc
  .tuple(days, fc.option(times), zones)
  .map(([day, time, zone]) => `${day}${time === null ? '' : `${time}${zone}`}`);
const oddDays = fc.oneof(
  fc.constantFrom(
    '0001-01-01',
    '0002-01-01',
    '9999-12-31',
    '2024-02-29',
    '2023-02-29',
    '2000-00-01',
    '0000-12-31',
  ),
  fc
    .tuple(fc.integer({ min: 0, max: 9999 }), two(0, 13), two(0, 32))
    .map(([y, m, d]) => `${String(y).padStart(4, '0')}-${m}-${d}`),
);
const oddDateTexts = fc.oneof(
  fc
    .tuple(oddDays, fc.option(times), zones)
    .map(([day, time, zone]) => `${day}${time === null ? '' : `${time}${zone}`}`),
  fc.tuple(days, two(22, 26), two(58, 61)).map(([day, hour, minute]) => `${day}T${hour}:${minute}:00`),
  fc.constantFrom(
    '10/31/2026',
    '2026-1-1',
    'today',
    '2026-10-31Z',
    '2026-10-31T1:00:00',
    '2026-10-31T00:00:00+15:00',
    '2026-10-31T00:00:00.',
    '2026-10-31T00:00:00.1234567890',
  ),
);

const texts = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 300, maxLength: 900 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\t\r\n',
      'a',
      '0123456789abcdef',
      'Ångström AB',
      '😀',
      '{"a": [1, "b"]}',
    ),
  },
);
/** JSON strings with the escapes that a writer may choose, and some that none has. */
const strings = fc.tuple(texts, fc.nat({ max: 5 })).map(([text, how]) => {
  const json = JSON.stringify(text);
  if (how === 0)
    return json
      .replace(/[^"\\]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .replace(/\\\\u[0-9a-f]{4}/g, '\\\\');
  return how === 1 ? json.replace(/\//g, '\\/') : json;
});
const oddTokens = fc.constantFrom(
  ...[
    'true',
    'false',
    '12',
    '-0.50',
    '1e5',
    '{}',
    '{"a":[1,2]}',
    '[ ]',
    '"\\u0000"',
    '"\\ud800"',
    '"\\x"',
    '"\u0001"',
    'nul',
    '01',
  ],
);

function tokenOf(column: Pick<Column, 'type'>, style: Style): fc.Arbitrary<string> {
  const quoted = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    arbitrary.map((text) => `"${text}"`);
  const usual = {
    text: strings,
    decimal: fc.oneof(
      { weight: style.numbers === 'string' ? 0 : 1, arbitrary: numbers },
      { weight: style.numbers === 'number' ? 0 : 1, arbitrary: quoted(numbers) },
    ),
    date: quoted(dateTexts),
    timestamp: quoted(dateTexts),
  }[column.type];
  const odd = {
    text: oddTokens,
    decimal: fc.oneof(oddTokens, oddNumbers, quoted(oddNumbers), quoted(oddNumberTexts)),
    date: fc.oneof(oddTokens, quoted(oddDateTexts)),
    timestamp: fc.oneof(oddTokens, quoted(oddDateTexts)),
  }[column.type];
  return fc.oneof({ weight: 300, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function nameOf({ source, aliases }: Column, style: Style): string {
  switch (style.names) {
    case 'documented':
      return source;
    case 'camel':
      return source.slice(0, 1).toLowerCase() + source.slice(1);
    case 'lower':
      return source.toLowerCase();
    case 'upper':
      return source.toUpperCase();
    case 'alias':
      return aliases[0] ?? source;
  }
}

interface Member {
  readonly name: string;
  readonly token: string | null;
  readonly place: number;
}

function lineOf(style: Style, members: readonly Member[]): string {
  const gap = style.space;
  const missing = (place: number): string | null => {
    const how =
      style.missing === 'mixed' ? (['left out', 'null', 'blank'] as const)[place % 3] : style.missing;
    return how === 'left out' ? null : how === 'null' ? 'null' : '""';
  };
  const written = members.flatMap(({ name, token, place }) => {
    const value = token ?? missing(place);
    return value === null ? [] : [{ place, text: `${JSON.stringify(name)}:${gap}${value}` }];
  });
  if (style.order === 'reversed') written.reverse();
  if (style.order === 'each its own') written.sort((a, b) => a.place - b.place);
  return `{${gap}${written.map(({ text }) => text).join(`,${gap}`)}${gap}}`;
}

function lines(table: Table, style: Style): fc.Arbitrary<string> {
  const required = new Set(table.required);
  const members = table.columns.map((column) => {
    const token = tokenOf(column, style);
    const isUsual = required.has(column.name);
    return fc.record({
      name: fc.constant(nameOf(column, style)),
      token: fc.option(token, { nil: null, freq: isUsual ? 60 : 3 }),
      place: fc.nat({ max: 1000 }),
    });
  });
  const unknown = style.unknown.map((name) =>
    fc.record({
      name: fc.constant(name),
      token: fc.option(fc.oneof(strings, numbers, oddTokens), { nil: null, freq: 4 }),
      place: fc.nat({ max: 1000 }),
    }),
  );
  return fc.tuple(...members, ...unknown).map((all) => lineOf(style, all));
}

/** Bytes put in place of others: where, how many are taken out, and what comes in. */
const damage = fc.tuple(
  fc.nat(),
  fc.nat({ max: 3 }),
  fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.constantFrom(...['"', ',', '}', '\n', '\\', ':', '{'].map((text) => Buffer.from(text))),
  ),
);

/** Bytes of a blob: lines in one style, some damaged, with blank lines and byte-order marks among them. */
export function spelledBlob(table: Table, maxLines: number): fc.Arbitrary<Buffer> {
  return styles.chain((style) => {
    const line = fc.oneof(
      { weight: 30, arbitrary: lines(table, style) },
      { weight: 1, arbitrary: fc.constantFrom('', ' ', '\ufeff', '{}', '[]', 'x') },
    );
    const damaged = fc.tuple(line, fc.option(damage, { freq: 1, nil: null }), fc.nat({ max: 19 }));
    return fc
      .tuple(fc.array(damaged, { minLength: 1, maxLength: maxLines }), fc.boolean(), fc.boolean())
      .map(([all, hasMark, hasEnd]) => {
        const bytes = all.map(([text, change, dice]) => {
          const whole_ = Buffer.from(text);
          if (change === null || dice > 2) return whole_;
          const [at, out, into] = change;
          const from = whole_.length === 0 ? 0 : at % whole_.length;
          return Buffer.concat([whole_.subarray(0, from), into, whole_.subarray(from + out)]);
        });
        const joined = bytes.flatMap((each, index) =>
          index === bytes.length - 1 && !hasEnd ? [each] : [each, Buffer.from(style.end)],
        );
        return Buffer.concat([Buffer.from(hasMark ? '\ufeff' : ''), ...joined]);
      });
  });
}
