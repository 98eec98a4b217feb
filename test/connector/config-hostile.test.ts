import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../connector/config.js';
import { ConfigError } from '../../schemas/errors.js';

const GOOD = `version: 1
source:
  tenant_id: 0e195b37-4574-4539-bc42-0e539b9684c0
  auth: { method: static_token, token: "\${env:TOKEN}" }
streams:
  billed_usage:
    invoices: [G016907411]
destination: { type: duckdb, path: ./x.duckdb }
`;
/** As much as is read of a file. */
const MOST_BYTES = 256 * 1024;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-hostile-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (path = 'connector.yaml') => loadConfig({ path, env: { TOKEN: 'planted-token' }, cwd: folder });

async function problem(text: string | Uint8Array): Promise<string> {
  writeFileSync(join(folder, 'connector.yaml'), text);
  const thrown: unknown = await load().then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ConfigError);
  return (thrown as ConfigError).message;
}

/** `piece` over and over, as long as a configuration may be. */
const filled = (piece: (index: number) => string, before = ''): string => {
  const pieces = [before];
  for (let length = before.length, index = 0; ; index += 1) {
    const next = piece(index);
    length += next.length;
    if (length > MOST_BYTES) return pieces.join('');
    pieces.push(next);
  }
};

describe('the bytes of a configuration', () => {
  it.each([
    ['Latin-1', Buffer.from(GOOD.replace('./x', './ü'), 'latin1'), '8:38'],
    ['UTF-16 of Windows', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), '1:1'],
    ['a surrogate written as UTF-8', Buffer.concat([Buffer.from(GOOD), Buffer.of(0xed, 0xa0, 0x80)]), '9:1'],
    ['a character that is cut off', Buffer.concat([Buffer.from('é: '), Buffer.of(0xf0, 0x9f)]), '1:4'],
    [
      'a byte after a replacement character',
      Buffer.concat([Buffer.from('a: \ufffd\n'), Buffer.of(0xff)]),
      '2:1',
    ],
  ])('that are no UTF-8 are named by line and column: %s', async (_what, bytes, place) => {
    expect(await problem(bytes)).toBe(`connector.yaml:${place}: is not UTF-8 text; save the file as UTF-8`);
  });

  it('may begin with a byte-order mark and have CR LF; places are those of an editor', async () => {
    writeFileSync(join(folder, 'connector.yaml'), `\ufeff${GOOD.replaceAll('\n', '\r\n')}`);
    expect((await load()).config.streams.billed_usage?.invoices).toEqual(['G016907411']);
    expect(await problem(`\ufeff${GOOD.replaceAll('\n', '\r\n')}spol: x\r\n`)).toContain(
      'connector.yaml:9:1 spol:',
    );
  });

  it.each(['\u0000', '\u001b[2J', '\u0007'])(
    'that would steer a terminal are not printed: %j',
    async (bytes) => {
      const message = await problem(`${GOOD}"a${bytes}": 1\nspool: "${bytes}"\n`);
      expect(message).toMatch(/^connector\.yaml( has|:\d+:\d+)/);
      expect(message).not.toContain(bytes);
    },
  );

  it('may come through a pipe, and do not go on for ever', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writing = createWriteStream(pipe);
    writing.end(GOOD);
    expect((await load(pipe)).config.version).toBe(1);
    await expect(load('/dev/zero')).rejects.toThrow('is too long: at most 262144 bytes are read');
    expect(await problem(`${GOOD}spool: \${file:/dev/zero}\n`)).toContain(
      'connector.yaml:9:8 spool: file /dev/zero is longer than 65536 bytes',
    );
  });
});

describe('a configuration that is made to be slow or large', () => {
  it.each([
    ['keys without end', filled((index) => `a${index}: 1\n`), /:5000:\d+ a4999: has too many values/],
    [
      'one key over and over',
      filled(() => 'a: 1\n'),
      /has more than 50 problems:\n {2}connector\.yaml:2:1: this key/,
    ],
    ['items without end', filled(() => '    - 1\n', `${GOOD.slice(0, 121)}`), /connector\.yaml:\d+:\d+/],
    ['aliases without end', filled(() => '- *x\n', 'x: &x 1\ny:\n'), /has too many values/],
    [
      'aliases far from their anchor',
      `a: [${'1,'.repeat(60_000)}&z 2]\nb: [${'*z,'.repeat(20_000)}]\n`,
      /too many/,
    ],
    ['quotes', '"'.repeat(MOST_BYTES), /connector\.yaml:1:3: no valid YAML/],
    ['brackets', '['.repeat(MOST_BYTES), /connector\.yaml:1:\d+: is nested too deeply/],
    ['lists in lists', '- '.repeat(MOST_BYTES / 2), /connector\.yaml:1:\d+: is nested too deeply/],
    ['keys of keys', '? '.repeat(MOST_BYTES / 2), /connector\.yaml:1:\d+: is nested too deeply/],
    [
      'references',
      filled(() => '${env:A}', 'a: '),
      /connector\.yaml:1:4 a: environment variable A is not set/,
    ],
    [
      'half references',
      filled(() => '${', 'spool: "')
        .slice(0, -2)
        .concat('"'),
      /connector\.yaml:1:8 spool: has a \$\{/,
    ],
  ])('is refused with its place and few words: %s', async (_what, text, expected) => {
    const message = await problem(text.slice(0, MOST_BYTES));
    expect(message).toMatch(expected);
    expect(message).toMatch(/connector\.yaml:\d+:\d+/);
    expect(message.length).toBeLessThan(20_000);
  });

  it('lists the first fifty of many problems', async () => {
    const unknown = Array.from({ length: 200 }, (_, index) => `key${index}: 1\n`).join('');
    const lines = (await problem(`${GOOD}${unknown}`)).split('\n');
    expect(lines[0]).toBe('connector.yaml has more than 50 problems:');
    expect(lines).toHaveLength(52);
    expect(lines.at(-1)).toBe('  ...');
  });

  it('names a key that is written twice at its second place, also where a group is used twice', async () => {
    expect(await problem(`${GOOD}x: &x { a: 1, a: 2 }\ny: *x\n`)).toContain(
      'connector.yaml:9:15: this key is written twice in one group',
    );
    expect(await problem(`${GOOD}__proto__: 1\n__proto__: 1\n`)).toContain(
      'connector.yaml:10:1: this key is written',
    );
  });
});

describe('wrong types', () => {
  const KEYS = [
    'version',
    'source',
    'streams',
    'destination',
    'spool',
    'archive',
    'lock_wait',
    'limits',
    'recheck',
  ];
  const VALUES = [
    'true',
    '12',
    '1.5e400',
    '"text"',
    '[]',
    '[[]]',
    '{}',
    '{ a: {} }',
    '2026-11-27',
    '.nan',
    '~',
    '!!binary aGk=',
  ];
  it.each(KEYS)('of %s are named with their place, whatever they are', async (key) => {
    for (const value of VALUES) {
      const without = GOOD.replace(new RegExp(`^${key}:.*\\n(  .*\\n)*`, 'm'), '');
      const text = `${without}${key}: ${value}\n`;
      writeFileSync(join(folder, 'connector.yaml'), text);
      const message = await load().then(
        () => 'accepted',
        (error: unknown) =>
          error instanceof ConfigError ? error.message : `not a ConfigError: ${String(error)}`,
      );
      expect(message).toMatch(/^accepted$|connector\.yaml:\d+:\d+/);
    }
  });
});
