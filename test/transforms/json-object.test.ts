import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonArray, readJsonObject } from '../../transforms/json-object.js';
import { RecordRejection } from '../../transforms/record-rejection.js';

function rejectionOf(line: string): string {
  try {
    readJsonObject(line);
  } catch (error) {
    if (error instanceof RecordRejection) return `${error.field ?? '-'}: ${error.reason}`;
    throw error;
  }
  return 'accepted';
}

describe('a line of JSON', () => {
  it('gives each value as it was written and as it is meant', () => {
    const line = String.raw` { "a" : "x\u00e9\/\n" ,"b":-1.50E+3, "c":[ 1, {"d":null} ] ,"e":{},"f":true,"g":null } `;
    expect(readJsonObject(line)).toEqual([
      { name: 'a', kind: 'string', token: String.raw`"x\u00e9\/\n"`, text: 'xé/\n' },
      { name: 'b', kind: 'number', token: '-1.50E+3', text: '-1.50E+3' },
      { name: 'c', kind: 'array', token: '[ 1, {"d":null} ]', text: '[ 1, {"d":null} ]' },
      { name: 'e', kind: 'object', token: '{}', text: '{}' },
      { name: 'f', kind: 'boolean', token: 'true', text: 'true' },
      { name: 'g', kind: 'null', token: 'null', text: 'null' },
    ]);
    expect(readJsonObject('{}')).toEqual([]);
    expect(readJsonObject('{"\\u0041":1}')[0]?.name).toBe('A');
    expect(readJsonObject('{"__proto__":1,"a":2,"a":3}').map(({ name }) => name)).toEqual([
      '__proto__',
      'a',
      'a',
    ]);
  });

  it.each([
    ['[1]', '-: the line is no JSON object'],
    ['"text"', '-: the line is no JSON object'],
    ['1', '-: the line is no JSON object'],
    ['null', '-: the line is no JSON object'],
    ['<html>', '-: the line is no JSON object'],
    ['{"a":1}{"a":2}', '-: there is text after the JSON object'],
    ['{"a":1} x', '-: there is text after the JSON object'],
    ['{"a":1},', '-: there is text after the JSON object'],
    ['{', '-: the line ends within the JSON object'],
    ['{"a', '-: the line ends within the JSON object'],
    ['{"a":1', '-: the line ends within the JSON object'],
    ['{"a":"b', 'a: the line ends within the JSON object'],
    ['{"a":"b\\"', 'a: the line ends within the JSON object'],
    ['{"a":[1,', 'a: the line ends within the JSON object'],
    ['{"a":1,}', '-: the line is not valid JSON'],
    ['{,}', '-: the line is not valid JSON'],
    ['{a:1}', '-: the line is not valid JSON'],
    ["{'a':1}", '-: the line is not valid JSON'],
    ['{"a" 1}', '-: the line is not valid JSON'],
    ['{"a":}', 'a: the line is not valid JSON'],
    ['{"a":01}', '-: the line is not valid JSON'],
    ['{"a":1.}', '-: the line is not valid JSON'],
    ['{"a":.5}', 'a: the line is not valid JSON'],
    ['{"a":+1}', 'a: the line is not valid JSON'],
    ['{"a":NaN}', 'a: the line is not valid JSON'],
    ['{"a":True}', 'a: the line is not valid JSON'],
    ['{"a":truex}', '-: the line is not valid JSON'],
    ['{"a":[1,]}', 'a: the line is not valid JSON'],
    ['{"a":[1 2]}', 'a: the line is not valid JSON'],
    ['{"a":{"b":1]}', 'a: the line is not valid JSON'],
    ['{"a":1\u00a0}', '-: the line is not valid JSON'],
    ['{"a":"tab\there"}', 'a: a string holds a control character that is not escaped'],
    ['{"a":"nul\0here"}', 'a: a string holds a control character that is not escaped'],
    [String.raw`{"a":"\x41"}`, 'a: a string holds an escape that JSON does not have'],
    [String.raw`{"a":"\u00g0"}`, 'a: a string holds an escape that JSON does not have'],
    [String.raw`{"a":"x\u0000"}`, 'a: a string holds the NUL character, which no database text can'],
    [String.raw`{"a":[{"b":"\u0000"}]}`, 'a: a string holds the NUL character, which no database text can'],
    [String.raw`{"\u0000":1}`, '-: a string holds the NUL character, which no database text can'],
    [String.raw`{"a":"\ud83d"}`, 'a: a string holds half of a surrogate pair'],
    [String.raw`{"a":"\ude00\ud83d"}`, 'a: a string holds half of a surrogate pair'],
    [String.raw`{"a":{"\ud83dx":1}}`, 'a: a string holds half of a surrogate pair'],
  ])('%j is rejected: %s', (line, expected) => {
    expect(rejectionOf(line)).toBe(expected);
  });

  it('joins surrogate pairs, escaped or not', () => {
    expect(readJsonObject(String.raw`{"a":"\ud83d\ude00😀\uD83D\uDE00"}`)[0]?.text).toBe('😀😀😀');
  });

  it('accepts a hundred levels and rejects more without running out of stack', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(rejectionOf(nested(100))).toBe('accepted');
    expect(rejectionOf(nested(101))).toBe('a: the value is nested deeper than 100 levels');
    expect(rejectionOf(`{"a":${'[{"b":'.repeat(1_000_000)}`)).toMatch(/nested deeper/);
  });

  it('reads every JSON object as JSON.parse does, and keeps tokens that mean the same', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
    const value = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
        fc.array(tie('json'), { maxLength: 4 }),
        fc.dictionary(text, tie('json'), { maxKeys: 4 }),
      ),
    })).json;
    fc.assert(
      fc.property(fc.dictionary(text, value), fc.constantFrom(0, 1, '\t'), (object, indent) => {
        const line = JSON.stringify(object, null, indent);
        const read = readJsonObject(line).map(({ name, token }) => [name, JSON.parse(token) as unknown]);
        expect(Object.fromEntries(read)).toEqual(JSON.parse(line));
      }),
    );
  });

  it('never accepts a damaged line that JSON.parse refuses', () => {
    const damage = fc.record({
      at: fc.nat(200),
      cut: fc.nat(3),
      put: fc.stringMatching(/^[{}[\]",:\\ue0-9+.\-tfn \u00e9\t]{0,3}$/),
    });
    const line = String.raw`{"a":"x\u00e9\\","b":-1.50E+3,"c":[1,{"d":null}],"e":{"f":true},"g":"\ud83d\ude00"}`;
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const damaged = damages.reduce(
          (text, { at, cut, put }) =>
            text.slice(0, at % text.length) + put + text.slice((at % text.length) + cut),
          line,
        );
        const accepted = rejectionOf(damaged) === 'accepted';
        const isObject = (): boolean => {
          try {
            const parsed: unknown = JSON.parse(damaged);
            return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
          } catch {
            return false;
          }
        };
        expect(accepted && !isObject()).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the elements of a JSON array', () => {
  const problemOf = (text: string): string => {
    try {
      readJsonArray(text);
      return 'accepted';
    } catch (error) {
      return error instanceof RecordRejection ? error.reason : String(error);
    }
  };

  it('are its raw tokens in order', () => {
    expect(readJsonArray(' [1.10 ,"a,]", {"b": [ ]}, null,[] ] ')).toEqual([
      { kind: 'number', token: '1.10' },
      { kind: 'string', token: '"a,]"' },
      { kind: 'object', token: '{"b": [ ]}' },
      { kind: 'null', token: 'null' },
      { kind: 'array', token: '[]' },
    ]);
    expect(readJsonArray('[]')).toEqual([]);
  });

  it.each(['', '{}', '1', '[1', '[1,]', '[,1]', '[1] 2', '[1 2]', '["\\u0000"]'])('refuses %j', (text) => {
    expect(problemOf(text)).not.toBe('accepted');
  });

  it('say what JSON.parse says of any array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ stringUnit: fc.constantFrom('a', 'é', '"', '\\') })), (values) => {
        const elements = readJsonArray(JSON.stringify(values));
        expect(elements.map(({ token }) => token)).toEqual(values.map((value) => JSON.stringify(value)));
      }),
    );
  });
});
