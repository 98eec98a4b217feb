import { isRestError, type RestError } from '@azure/core-rest-pipeline';
import { ConfigError, IntegrityError, TransientError } from '../../schemas/errors.js';
import type { RetryReason } from '../../schemas/progress.js';
import { errorCode } from '../error-code.js';
import { causeOf, isCertificateError } from './error-cause.js';
import { reasonOfCode, reasonOfStatus } from './retry-reason.js';
import { originOf } from './service-error.js';

/** What a failed attempt to read a blob means for the next. */
export type StorageSetback =
  /** The same again, after a wait. */
  | {
      readonly kind: 'again';
      readonly cause: string;
      readonly why: RetryReason;
      readonly retryAfter?: string | undefined;
      readonly date?: string | undefined;
    }
  /** The SAS is refused. */
  | { readonly kind: 'refused'; readonly cause: string }
  /** The blob is not there. */
  | { readonly kind: 'missing'; readonly cause: string }
  /** The version that we have a part of is not there any more, or what we have does not fit: from the beginning. */
  | { readonly kind: 'restart'; readonly cause: string };

/** Where an error happened: `billed_usage G016907411: blob part-0.json.gz`. */
export type BlobPlace = string;

const RESTARTED = new Set([412, 416]);
const MISSING = new Set([404, 410]);
const REFUSED = new Set([401, 403]);

/**
 * Decides what a failure of `@azure/storage-blob` means. Only its status and codes are used: its request holds the
 * SAS, and its message for a lost connection is "aborted".
 * @throws ConfigError for a redirect or a certificate, IntegrityError for what storage should never answer.
 */
export function storageSetback(error: unknown, place: BlobPlace): StorageSetback {
  if (isCertificateError(error)) {
    throw new ConfigError({
      message: `${place}: the certificate of the storage host is not trusted here: ${errorCode(error)}`,
      hint: 'set source.ca_file to the certificate authority of your proxy',
      facts: { code: errorCode(error) },
      cause: causeOf(error),
    });
  }
  if (!isRestError(error) || error.statusCode === undefined) return lost(error, place);
  const cause = describe(error);
  const { statusCode: status } = error;
  if (REFUSED.has(status)) return { kind: 'refused', cause };
  if (MISSING.has(status)) return { kind: 'missing', cause };
  if (RESTARTED.has(status)) return { kind: 'restart', cause };
  if (status === 408 || status === 409 || status === 429 || (status >= 500 && status !== 501)) {
    const { headers } = error.response ?? {};
    return {
      kind: 'again',
      cause,
      why: reasonOfStatus(status),
      retryAfter: headers?.get('retry-after'),
      date: headers?.get('date'),
    };
  }
  if (status >= 300 && status < 400) throw redirected(error, status, place);
  throw new IntegrityError({
    message: `${place}: storage answered ${cause}`,
    hint: 'what storage refuses here will not pass by itself; look at source.proxy, then ask Microsoft support',
    facts: storageFacts(error),
  });
}

/** Why the next attempt is made, in a word that can be counted. */
export function reasonOf(setback: StorageSetback): RetryReason {
  switch (setback.kind) {
    case 'again':
      return setback.why;
    case 'missing':
      return 'gone';
    case 'restart':
      return 'damaged';
    case 'refused':
      return 'other';
  }
}

/** The error that a setback becomes when it is given up. */
export function givenUp(setback: StorageSetback, place: BlobPlace, attempts: number): TransientError {
  return new TransientError({
    message: `${place}: given up after ${attempts} attempts without a byte: ${setback.cause}`,
    hint: 'what is on disk is kept: the next run goes on from there; look at the network and source.proxy',
    facts: { attempts, place },
  });
}

/** The error of a fresh SAS that is refused without a byte having come. */
export function refusedForGood(setback: StorageSetback, place: BlobPlace): ConfigError {
  return new ConfigError({
    message: `${place}: storage refuses a fresh SAS too: ${setback.cause}`,
    hint: 'a firewall or proxy may change the address, the storage account may not accept this network, or this machine or proxy lies about time',
    facts: { place },
  });
}

function lost(error: unknown, place: BlobPlace): StorageSetback {
  const cause = causeOf(error);
  if (error instanceof RangeError) {
    // The library's own words for an answer without a length or an ETag.
    throw new IntegrityError({
      message: `${place}: storage answered without what proves a blob whole: ${cause.message}`,
      hint: 'a proxy may rewrite answers; look at source.proxy',
      facts: { place },
      cause,
    });
  }
  const code = errorCode(error);
  const cut = error instanceof Error && error.name === 'AbortError';
  return cut
    ? { kind: 'again', cause: 'the connection was cut', why: 'connection' }
    : { kind: 'again', cause: `${code} ${cause.message}`.trim(), why: reasonOfCode(code) };
}

function describe(error: RestError): string {
  const id = error.response?.headers.get('x-ms-request-id');
  const code = error.code ?? error.response?.headers.get('x-ms-error-code');
  return `${error.statusCode ?? 'nothing'}${code === undefined ? '' : ` ${code}`} (x-ms-request-id ${id ?? 'not given'})`;
}

function storageFacts(error: RestError) {
  return {
    status: error.statusCode,
    code: error.code,
    requestId: error.response?.headers.get('x-ms-request-id'),
  };
}

function redirected(error: RestError, status: number, place: BlobPlace): ConfigError {
  const target = originOf(error.response?.headers.get('location'), error.request?.url ?? 'http://invalid');
  return new ConfigError({
    message: `${place}: storage redirects (${status}) to ${target}; redirects are not followed`,
    hint: 'a proxy or a captive portal answers in place of storage; look at source.proxy',
    facts: { ...storageFacts(error), redirectedTo: target },
  });
}
