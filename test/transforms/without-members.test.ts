import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonObject } from '../../transforms/json-object.js';
import { withoutMembers } from '../../transforms/without-members.js';

const LINKS: ReadonlySet<string> = new Set(['links']);

function without(token: string): string {
  const [field] = readJsonObject(`{"value":${token}}`);
  return withoutMembers({ kind: field?.kind ?? 'null', token }, LINKS);
}

describe('taking members out of a JSON value', () => {
  it.each([
    ['{"a": 1.10, "links": {"x": 1}, "b": [1, 2]}', '{"a":1.10,"b":[1, 2]}'],
    ['[{"Links":null},{"a":[{"LINKS":[]}]}]', '[{},{"a":[{}]}]'],
    ['{"li\\u006eks":1}', '{}'],
    ['[ {"a" : 0.1999968000511991808131} , null ]', '[ {"a" : 0.1999968000511991808131} , null ]'],
    ['"links"', '"links"'],
    ['{"a":"\\u00e9","links":1}', '{"a":"\\u00e9"}'],
  ])('makes %s to %s', (token, kept) => {
    expect(without(token)).toBe(kept);
  });

  it('leaves a value without them as it was written, and takes out nothing else', () => {
    const pruned = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(pruned);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .filter(([name]) => name.toLowerCase() !== 'links')
          .map(([name, one]) => [name, pruned(one)]),
      );
    };
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constantFrom(1, 'x', null, true), tie('array'), tie('object')),
      array: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.dictionary(fc.constantFrom('a', 'b', 'links', 'Links'), tie('value'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1), (one, indent) => {
        const token = JSON.stringify(one, null, indent);
        const kept = without(token);
        expect(JSON.parse(kept)).toEqual(pruned(one));
        if (JSON.stringify(pruned(one)) === JSON.stringify(one)) expect(kept).toBe(token);
      }),
    );
  });
});
