import { createHmac, timingSafeEqual } from 'node:crypto';
import { guidOf } from './seeded.js';

const VERSION = '2021-08-06';
const DAY = 86_400_000;

/** The storage account that the sandbox plays; the first segment of its paths, as storage emulators have it. */
export const ACCOUNT = 'sandboxstorage';

/** Where a SAS lets its bearer in: a directory of a container. */
export interface SasDirectory {
  readonly container: string;
  /** Path below the container, no slash at either end. */
  readonly directory: string;
}

/** Why a SAS does not let a request in, in Azure Storage's words. */
export interface SasRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** The text of `AuthenticationErrorDetail`, where storage sends one. */
  readonly detail?: string;
}

/** Mints and checks user-delegation SAS for directories (api-contract.md 3.3), signed by HMAC-SHA256. */
export class SasAuthority {
  readonly #key: Buffer;
  readonly #tenantId: string;
  readonly #now: () => Date;
  readonly #lifetimeMs: number;
  readonly #refused = new Set<string>();
  #lastKeyExpiry = 0;

  constructor(tenantId: string, now: () => Date, lifetimeMs: number) {
    this.#key = createHmac('sha256', 'partner-billing sandbox').update(tenantId).digest();
    this.#tenantId = tenantId;
    this.#now = now;
    this.#lifetimeMs = lifetimeMs;
  }

  /**
   * A SAS for reading and listing a directory, from now on: a query string without `?`, its keys in the observed
   * order, its values percent-encoded. No two are the same. `wronglySigned` makes one that no request gets in by.
   */
  mint(where: SasDirectory, wronglySigned = false): string {
    const start = Math.floor(this.#now().getTime() / 1000) * 1000;
    // The key's expiry moves on a second where two are minted in one: a fresh SAS must look fresh.
    const keyExpiry = Math.max(start + DAY, this.#lastKeyExpiry + 1000);
    this.#lastKeyExpiry = keyExpiry;
    const fields = new Map([
      ['skoid', guidOf('sandbox key object')],
      ['sktid', this.#tenantId],
      ['skt', seconds(start)],
      ['ske', seconds(keyExpiry)],
      ['sks', 'b'],
      ['skv', VERSION],
      ['sv', VERSION],
      ['se', seconds(start + this.#lifetimeMs)],
      ['sr', 'd'],
      ['sp', 'rl'],
      ['sdd', String(where.directory.split('/').length)],
    ]);
    const signed = wronglySigned ? { ...where, directory: `${where.directory}/elsewhere` } : where;
    fields.set('sig', this.#sign(canonicalText(fields, signed)));
    return [...fields].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  }

  /** From now on the SAS with this signature is refused as expired. */
  expire(signature: string): void {
    this.#refused.add(signature);
  }

  /** Why this query does not open a path below its container; null where it does. Only reading is allowed. */
  refusal(query: URLSearchParams, container: string, path: string, method: string): SasRefusal | null {
    const signature = query.get('sig');
    if (signature === null || signature === '') return NO_AUTHENTICATION;
    const depth = Number.parseInt(query.get('sdd') ?? '', 10);
    const segments = path.split('/');
    if (query.get('sr') !== 'd' || !(depth >= 1)) {
      return failed('sr is mandatory, and sdd with it. Only a directory is signed here');
    }
    if (segments.length < depth) return failed('The path is outside the signed directory');
    const directory = segments.slice(0, depth).join('/');
    const text = canonicalText(new Map(query), { container, directory });
    if (!same(signature, this.#sign(text))) {
      return failed(`Signature did not match. String to sign used was ${text}`);
    }
    const expired = this.#expiry(query, signature);
    if (expired !== null) return failed(expired);
    if (method !== 'GET' && method !== 'HEAD') return NO_PERMISSION;
    return null;
  }

  #expiry(query: URLSearchParams, signature: string): string | null {
    const now = this.#now().getTime();
    for (const name of ['se', 'ske'] as const) {
      const end = Date.parse(query.get(name) ?? '');
      if (Number.isNaN(end) || end <= now || this.#refused.has(signature)) {
        const start = new Date(Date.parse(query.get('skt') ?? ''));
        return `Signature not valid in the specified time frame: Start [${start.toUTCString()}] - Expiry [${new Date(end).toUTCString()}] - Current [${new Date(now).toUTCString()}]`;
      }
    }
    return null;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text, 'utf8').digest('base64');
  }
}

const NO_AUTHENTICATION: SasRefusal = {
  status: 401,
  code: 'NoAuthenticationInformation',
  message:
    'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
};
const NO_PERMISSION: SasRefusal = {
  status: 403,
  code: 'AuthorizationPermissionMismatch',
  message: 'This request is not authorized to perform this operation using this permission.',
};

function failed(detail: string): SasRefusal {
  return {
    status: 403,
    code: 'AuthenticationFailed',
    message:
      'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.',
    detail,
  };
}

/** What a user-delegation SAS of this version signs, in Azure Storage's order; fields we do not use stay empty. */
function canonicalText(fields: ReadonlyMap<string, string>, { container, directory }: SasDirectory): string {
  const field = (name: string): string => fields.get(name) ?? '';
  return [
    field('sp'),
    field('st'),
    field('se'),
    `/blob/${ACCOUNT}/${container}/${directory}`,
    field('skoid'),
    field('sktid'),
    field('skt'),
    field('ske'),
    field('sks'),
    field('skv'),
    field('saoid'),
    field('suoid'),
    field('scid'),
    field('sip'),
    field('spr'),
    field('sv'),
    field('sr'),
    field('snapshot'),
    field('ses'),
    ...['rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map(field),
  ].join('\n');
}

function seconds(instant: number): string {
  return new Date(instant).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
