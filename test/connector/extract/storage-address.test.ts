import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blobAddress,
  checkBlobNames,
  checkedRootDirectory,
  isAllowedHost,
} from '../../../connector/extract/storage-address.js';
import { ConfigError, IntegrityError } from '../../../schemas/errors.js';

const HOSTS = ['*.blob.core.windows.net'];
const ROOT =
  'https://account.blob.core.windows.net/container/v1/PartnerTenantId=0e195b37/BillingMonth=202410';

describe('the host of a root directory', () => {
  it.each([
    ['https://account.blob.core.windows.net/c', HOSTS, true],
    ['https://account.z01.blob.core.windows.net/c', HOSTS, true],
    ['https://blob.core.windows.net/c', HOSTS, false],
    ['https://.blob.core.windows.net/c', HOSTS, false],
    ['https://evilblob.core.windows.net/c', HOSTS, false],
    ['https://account.blob.core.windows.net.evil.test/c', HOSTS, false],
    ['https://account.blob.core.windows.net:8443/c', HOSTS, false],
    ['https://account.blob.core.windows.net:443/c', HOSTS, true],
    ['https://storage.example.test/c', ['storage.example.test'], true],
    ['https://a.storage.example.test/c', ['storage.example.test'], false],
    ['https://storage.example.test:8443/c', ['storage.example.test:8443'], true],
    ['https://storage.example.test/c', ['storage.example.test:8443'], false],
    ['https://storage.example.test/c', ['storage.example.test:443'], true],
    ['http://127.0.0.1:10000/c', ['127.0.0.1:10000'], true],
    ['http://127.0.0.1:10001/c', ['127.0.0.1:10000'], false],
    ['http://127.0.0.1:10000/c', ['127.0.0.1'], false],
    ['https://ACCOUNT.Blob.Core.Windows.Net/c', HOSTS, true],
  ])('%s against %j is allowed: %s', (address, hosts, allowed) => {
    if (!URL.canParse(address)) expect(allowed).toBe(false);
    else expect(isAllowedHost(new URL(address), hosts)).toBe(allowed);
  });

  it('that is not allowed is a matter of configuration, and the hint says which line', () => {
    const check = () => checkedRootDirectory('https://other.example.test/c', HOSTS, 'here');
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(/other\.example\.test/);
  });
});

describe('the root directory', () => {
  it('comes back letter for letter, without a slash at its end', () => {
    expect(checkedRootDirectory(`${ROOT}/`, HOSTS, 'here')).toBe(ROOT);
    expect(checkedRootDirectory(ROOT, HOSTS, 'here')).toBe(ROOT);
  });

  it.each([
    ['http to a host that is not loopback', 'http://account.blob.core.windows.net/c'],
    ['another protocol', 'file:///etc/passwd'],
    ['no address', 'container/v1'],
    ['a user name', 'https://user:word@account.blob.core.windows.net/c'],
    ['a query', `${ROOT}?sig=x`],
    ['an empty query', `${ROOT}?`],
    ['a fragment', `${ROOT}#x`],
    ['two dots', 'https://account.blob.core.windows.net/c/../other'],
    ['encoded dots', 'https://account.blob.core.windows.net/c/%2e%2E/other'],
    ['an encoded slash', 'https://account.blob.core.windows.net/c%2fother'],
    ['a backslash', 'https://account.blob.core.windows.net/c\\other'],
    ['an encoded backslash', 'https://account.blob.core.windows.net/c%5Cother'],
    ['a doubled slash', 'https://account.blob.core.windows.net/c//other'],
    ['a line break', 'https://account.blob.core.windows.net/c\nother'],
  ])('with %s is refused', (_name, root) => {
    expect(() => checkedRootDirectory(root, HOSTS, 'here')).toThrow(IntegrityError);
  });
});

describe('blob names', () => {
  it('as Spark and others write them are accepted', () => {
    const names = [
      'part-00049-0e195b37-4574-4539-bc42-0e539b9684c0.c000.json.gz',
      'a b.gz',
      'ü.gz',
      'a+b=c.gz',
      '50%.gz',
    ];
    expect(() => {
      checkBlobNames(names, 'here');
    }).not.toThrow();
  });

  it.each([
    [['']],
    [['.']],
    [['..']],
    [['../a.gz']],
    [['a/b.gz']],
    [['a\\b.gz']],
    [['a..gz/..']],
    [['a..b']],
    [['a%2Fb.gz']],
    [['a%00.gz']],
    [['a\u0000.gz']],
    [['a\n.gz']],
    [['a?sig=x']],
    [['a#x|y']],
    [['C:a']],
    [['a.gz.']],
    [[' a.gz']],
    [['x'.repeat(201)]],
    [['a\ud800.gz']],
    [['a.gz', 'b.gz', 'a.gz']],
    [['A.gz', 'a.gz']],
    [['a', 'a.json']],
  ])('%j are refused', (names) => {
    expect(() => {
      checkBlobNames(names, 'here');
    }).toThrow(IntegrityError);
  });

  it('that are accepted never leave the folder or the origin', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (name) => {
        try {
          checkBlobNames([name], 'here');
        } catch {
          return;
        }
        const url = new URL(blobAddress(ROOT, name, 'sig=x'));
        expect(url.origin).toBe('https://account.blob.core.windows.net');
        expect(url.search).toBe('?sig=x');
        expect(url.pathname.split('/')).toHaveLength(new URL(ROOT).pathname.split('/').length + 1);
        expect(decodeURIComponent(url.pathname.split('/').at(-1) ?? '')).toBe(name);
      }),
    );
  });
});
