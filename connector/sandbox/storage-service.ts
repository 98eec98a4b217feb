import { pipeline } from 'node:stream/promises';
import { bodyOf, viewOf, type BlobView } from './blob-body.js';
import type { BlobFile } from './blob-store.js';
import { byteRange, type ByteRange } from './byte-range.js';
import type { DataVersion } from './data-version.js';
import type { Exchange, Headers } from './exchange.js';
import type { FaultSwitch } from './fault-switch.js';
import { ACCOUNT, type SasAuthority, type SasRefusal } from './sas.js';
import { guidOf } from './seeded.js';
import { sendStorageError, storageHeaders } from './storage-answer.js';

/** A body shorter than this is not cut or stalled, so that a reader that resumes comes to an end. */
const SHORTEST_CUT = 64;

interface StoredBlob {
  readonly file: BlobFile;
  readonly lastModified: Date;
}

/** What the blob reader of Azure Storage sees: blobs below a directory that a SAS opens. */
export class StorageService {
  readonly sas: SasAuthority;
  readonly #faults: FaultSwitch;
  readonly #now: () => Date;
  readonly #blobs = new Map<string, StoredBlob>();
  #changes = 0;
  /** `http://127.0.0.1:PORT`; known once the server listens. */
  origin = '';

  constructor(sas: SasAuthority, faults: FaultSwitch, now: () => Date) {
    this.sas = sas;
    this.#faults = faults;
    this.#now = now;
  }

  /** URL of a version's directory, no slash at the end. */
  addressOf(version: DataVersion): string {
    return `${this.origin}/${ACCOUNT}/${version.container}/${version.directory}`;
  }

  /** Makes a version's blobs readable. */
  offer(version: DataVersion, files: readonly BlobFile[]): void {
    for (const file of files) {
      const path = `${version.container}/${version.directory}/${file.name}`;
      this.#blobs.set(path, { file, lastModified: version.createdAt });
    }
  }

  /** Answers a request to storage: GET and HEAD of a blob. */
  async answer(exchange: Exchange): Promise<void> {
    const located = pathOf(exchange.url.pathname);
    const error = located === null ? INVALID_URI : this.#refusal(exchange, located.container, located.path);
    if (error !== null || located === null) {
      const more: Headers =
        error?.status === 401 ? { 'WWW-Authenticate': 'Bearer authorization_uri=""' } : {};
      sendStorageError(exchange, error ?? INVALID_URI, this.#now(), more);
      return;
    }
    if (exchange.method === 'GET' && this.#plainFault(exchange)) return;
    const blob = this.#blobs.get(`${located.container}/${located.path}`);
    if (blob === undefined) {
      sendStorageError(exchange, NOT_FOUND, this.#now());
      return;
    }
    await this.#answerBlob(exchange, blob);
  }

  #refusal(exchange: Exchange, container: string, path: string): SasRefusal | null {
    // A bearer token has no business here: whoever sends one leaks it.
    if (exchange.header('authorization') !== '') return AUTHORIZATION_HEADER;
    return this.sas.refusal(exchange.url.searchParams, container, path, exchange.method);
  }

  #plainFault(exchange: Exchange): boolean {
    const plain = ['blob-403', 'blob-404', 'blob-500', 'blob-503', 'blob-redirect', 'blob-html'] as const;
    const fault = this.#faults.firstOf(plain);
    if (fault === null) return false;
    if (fault === 'blob-redirect') exchange.sendRedirect();
    else if (fault === 'blob-html') exchange.sendHtml(200);
    else sendStorageError(exchange, PLAIN_FAULTS[fault], this.#now());
    return true;
  }

  async #answerBlob(exchange: Exchange, blob: StoredBlob): Promise<void> {
    const isRead = exchange.method === 'GET';
    const eTag = this.#eTagOf(blob, isRead);
    const ifMatch = exchange.header('if-match');
    const ifNoneMatch = exchange.header('if-none-match');
    if (ifMatch !== '' && ifMatch !== '*' && ifMatch !== eTag) {
      sendStorageError(exchange, CONDITION_NOT_MET, this.#now());
      return;
    }
    if (ifNoneMatch === eTag || ifNoneMatch === '*') {
      exchange.send(304, { ...storageHeaders(exchange), ETag: eTag }, '');
      return;
    }
    const view = isRead ? this.#damaged(blob.file) : viewOf(blob.file, null);
    const asked = exchange.header('x-ms-range') || exchange.header('range');
    const range =
      isRead && asked !== '' && this.#faults.fires('blob-ignores-range')
        ? null
        : byteRange(asked, view.length);
    if (range === 'unsatisfiable') {
      const size = { 'Content-Range': `bytes */${view.length}` };
      sendStorageError(exchange, INVALID_RANGE, this.#now(), size);
      return;
    }
    const headers = this.#blobHeaders(exchange, blob, eTag, view, range);
    const status = range === null ? 200 : 206;
    if (isRead) await this.#sendBody(exchange, status, headers, view, range);
    else exchange.send(status, headers, '');
  }

  #eTagOf({ file }: StoredBlob, isRead: boolean): string {
    if (isRead && this.#faults.fires('blob-changed')) this.#changes++;
    const hex = guidOf(`${file.name} ${file.md5}`).replaceAll('-', '').slice(0, 12).toUpperCase();
    return `"0x8D${hex}${this.#changes === 0 ? '' : String(this.#changes)}"`;
  }

  #damaged(file: BlobFile): BlobView {
    if (this.#faults.fires('blob-truncated-gzip')) return viewOf(file, 'truncated');
    if (this.#faults.fires('blob-cut-between-members')) return viewOf(file, 'between members');
    if (this.#faults.fires('blob-flipped-byte')) return viewOf(file, 'flipped');
    if (this.#faults.fires('blob-trailing-bytes')) return viewOf(file, 'trailing');
    return viewOf(file, null);
  }

  #blobHeaders(
    exchange: Exchange,
    blob: StoredBlob,
    eTag: string,
    view: BlobView,
    range: ByteRange | null,
  ): Headers {
    const withMd5 = exchange.method !== 'GET' || !this.#faults.fires('blob-no-md5');
    const encoded = exchange.method === 'GET' && this.#faults.fires('blob-content-encoding');
    const modified = blob.lastModified.toUTCString();
    return {
      ...storageHeaders(exchange),
      'Content-Type': 'application/octet-stream',
      'Content-Length': range === null ? view.length : range.end - range.start + 1,
      ...(range === null ? {} : { 'Content-Range': `bytes ${range.start}-${range.end}/${view.length}` }),
      ...(withMd5 ? { [range === null ? 'Content-MD5' : 'x-ms-blob-content-md5']: blob.file.md5 } : {}),
      ...(encoded ? { 'Content-Encoding': 'gzip' } : {}),
      'Accept-Ranges': 'bytes',
      ETag: eTag,
      'Last-Modified': modified,
      'x-ms-creation-time': modified,
      'x-ms-blob-type': 'BlockBlob',
      'x-ms-lease-status': 'unlocked',
      'x-ms-lease-state': 'available',
      'x-ms-server-encrypted': 'true',
    };
  }

  async #sendBody(
    exchange: Exchange,
    status: number,
    headers: Headers,
    view: BlobView,
    range: ByteRange | null,
  ): Promise<void> {
    const whole = range ?? { start: 0, end: view.length - 1 };
    const ending = whole.end - whole.start + 1 < SHORTEST_CUT ? null : this.#ending(exchange);
    exchange.head(status, headers);
    if (ending === null) {
      await pipeline(bodyOf(view, whole), exchange.response);
      return;
    }
    const half = { start: whole.start, end: Math.floor((whole.start + whole.end) / 2) };
    await pipeline(bodyOf(view, half), exchange.response, { end: false });
    if (ending === 'cut') exchange.request.socket.destroySoon();
  }

  #ending(exchange: Exchange): 'cut' | 'stall' | null {
    if (this.#faults.fires('sas-expires-midway')) {
      this.sas.expire(exchange.url.searchParams.get('sig') ?? '');
      return 'cut';
    }
    if (this.#faults.fires('blob-cut')) return 'cut';
    return this.#faults.fires('blob-stalled') ? 'stall' : null;
  }
}

function pathOf(pathname: string): { readonly container: string; readonly path: string } | null {
  try {
    const [, account, container, ...rest] = pathname.split('/').map((segment) => decodeURIComponent(segment));
    if (account !== ACCOUNT || container === undefined || rest.length === 0) return null;
    return { container, path: rest.join('/') };
  } catch {
    return null;
  }
}

const NOT_FOUND: SasRefusal = {
  status: 404,
  code: 'BlobNotFound',
  message: 'The specified blob does not exist.',
};
const INVALID_URI: SasRefusal = {
  status: 400,
  code: 'InvalidUri',
  message: 'The requested URI does not represent any resource on the server.',
};
const AUTHORIZATION_HEADER: SasRefusal = {
  status: 400,
  code: 'InvalidAuthenticationInfo',
  message:
    'Authentication information is not given in the correct format. Check the value of Authorization header.',
};
const CONDITION_NOT_MET: SasRefusal = {
  status: 412,
  code: 'ConditionNotMet',
  message: 'The condition specified using HTTP conditional header(s) is not met.',
};
const INVALID_RANGE: SasRefusal = {
  status: 416,
  code: 'InvalidRange',
  message: 'The range specified is invalid for the current size of the resource.',
};
const PLAIN_FAULTS = {
  'blob-403': {
    status: 403,
    code: 'AuthorizationFailure',
    message: 'This request is not authorized to perform this operation.',
  },
  'blob-404': NOT_FOUND,
  'blob-500': {
    status: 500,
    code: 'InternalError',
    message: 'Server encountered an internal error. Please try again after some time.',
  },
  'blob-503': {
    status: 503,
    code: 'ServerBusy',
    message: 'The server is currently unable to receive requests. Please retry your request.',
  },
} satisfies Record<string, SasRefusal>;
