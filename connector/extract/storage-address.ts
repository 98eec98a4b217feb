import { isLoopback } from '../../schemas/config.js';
import { ConfigError, IntegrityError } from '../../schemas/errors.js';

const LONGEST_NAME = 200;

/**
 * Checks the address of a manifest's root directory before anything is asked there: https (http only for loopback),
 * a host that `source.storage_hosts` allows and that is written plainly, no user, no query, no tricks in its path.
 * @param rootDirectory as the manifest gives it, without a SAS.
 * @returns the address without a trailing slash, otherwise letter for letter as it came.
 * @throws ConfigError for a host that is not allowed, IntegrityError for anything else.
 */
export function checkedRootDirectory(
  rootDirectory: string,
  storageHosts: readonly string[],
  place: string,
): string {
  const refuse = (what: string): IntegrityError =>
    new IntegrityError({
      message: `${place}: the manifest's root directory ${what}`,
      hint: 'nothing was asked there; report it to Microsoft with the request id',
      facts: { place },
    });
  if (!URL.canParse(rootDirectory)) throw refuse('is no address');
  const url = new URL(rootDirectory);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw refuse(`is ${url.protocol}// and not https://`);
  }
  if (url.username !== '' || url.password !== '') throw refuse('carries a user name');
  if (!isWrittenAsRead(rootDirectory, url)) throw refuse('is written so that two readers may see two hosts');
  if (/[?#]/.test(rootDirectory)) throw refuse('carries a query or a fragment');
  const path = rootDirectory.slice(rootDirectory.indexOf('://') + 3).replace(/^[^/]*/, '');
  if (/\\|\s|[^\x20-\x7e]|%(?:2e|2f|5c|00)/i.test(path) || hasDotSegment(path) || /\/\//.test(path)) {
    throw refuse('has a path with tricks in it (dot segments, backslashes, encoded slashes)');
  }
  if (!isAllowedHost(url, storageHosts)) {
    throw new ConfigError({
      message: `${place}: the manifest points to storage host ${url.host}, which source.storage_hosts does not allow`,
      hint: `if it is Microsoft's, add it: storage_hosts: [${[...storageHosts, url.host].map((host) => `"${host}"`).join(', ')}]`,
      facts: { host: url.host, allowed: storageHosts.join(', ') },
    });
  }
  return rootDirectory.replace(/\/+$/, '');
}

/**
 * Whether the host is written as an URL's reader understands it: no empty user name, percent-encoded or wide letters,
 * numbers in other notations, backslashes or blanks, which other readers take for another host.
 */
function isWrittenAsRead(address: string, url: URL): boolean {
  const [, host = ''] = /^https?:\/\/([^/?#]*)/i.exec(address) ?? [];
  const port = { 'https:': ':443', 'http:': ':80' }[url.protocol] ?? '';
  return host !== '' && [url.host, `${url.host}${port}`].includes(host.toLowerCase());
}

/**
 * Whether an address is on one of the hosts. `*.x` stands for hosts below `x`, never `x` itself. An entry with a
 * port allows that port only, one without a port the default port of https only.
 */
export function isAllowedHost(url: URL, storageHosts: readonly string[]): boolean {
  return storageHosts.some((entry) => {
    const [, pattern = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    // URL leaves the default port out, and we compare what is left: `:443` in an entry is the default too.
    if (url.port !== (port === '443' && url.protocol === 'https:' ? '' : port)) return false;
    if (!pattern.startsWith('*.')) return url.hostname === pattern;
    const suffix = pattern.slice(1);
    const labels = url.hostname.slice(0, -suffix.length);
    return url.hostname.endsWith(suffix) && labels !== '' && !labels.startsWith('.');
  });
}

/**
 * Checks the names of a manifest's blobs: plain file names that differ from each other, even where the file system
 * ignores the letter case, so that none leaves its folder or takes another's place.
 * @throws IntegrityError naming the first that is not.
 */
export function checkBlobNames(names: readonly string[], place: string): void {
  const seen = new Set<string>();
  const taken = new Set(names.map((name) => name.toLowerCase()));
  for (const name of names) {
    const problem = problemOf(name, seen, taken);
    if (problem !== null) {
      throw new IntegrityError({
        message: `${place}: blob name ${JSON.stringify(name.slice(0, 100))} ${problem}`,
        hint: 'nothing of this manifest was read; report it to Microsoft with the request id',
        facts: { place },
      });
    }
    seen.add(name.toLowerCase());
  }
}

/** Address of a blob with its SAS appended letter for letter. A secret: never logged, never stored. */
export function blobAddress(rootDirectory: string, name: string, sas: string): string {
  return `${rootDirectory}/${encodeURIComponent(name)}?${sas}`;
}

function problemOf(name: string, seen: ReadonlySet<string>, taken: ReadonlySet<string>): string | null {
  if (name === '' || name === '.' || name === '..') return 'is no file name';
  if (/[/\\]/.test(name)) return 'has a slash or a backslash';
  if (/\p{Surrogate}/u.test(name)) return 'is no text';
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return 'has a control character, or one that nobody sees';
  if (name.includes('..')) return 'has two dots in a row';
  if (/%[0-9a-f]{2}/i.test(name)) return 'has an encoded character';
  if (/[<>:"|?*]/.test(name)) return 'has a character that no file name may have everywhere';
  if (/[. ]$/.test(name) || name.startsWith(' ')) return 'begins or ends with a space or a dot';
  if (Buffer.byteLength(name) > LONGEST_NAME) return `is longer than ${LONGEST_NAME} bytes`;
  if (seen.has(name.toLowerCase())) return 'occurs twice';
  if (name.toLowerCase().endsWith('.json') && taken.has(name.toLowerCase().slice(0, -'.json'.length))) {
    return 'would take the place of what is recorded of another blob';
  }
  return null;
}

function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => segment === '.' || segment === '..');
}
