import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a request was for. */
export type RequestKind = 'export' | 'operation' | 'manifest' | 'blob' | 'invoices' | 'other';

/** A request that the sandbox answered. */
export interface RequestRecord {
  /** Milliseconds since 1970 by the sandbox's clock, when the request came. */
  readonly at: number;
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  /** Status of the answer; 0 while there is none, and where the connection was cut before it. */
  readonly status: number;
  readonly kind: RequestKind;
}

const MOST_RECORDS = 200_000;

/** The requests so far, oldest first; the oldest go when there are too many to keep. */
export class RequestLog {
  #records: { -readonly [Key in keyof RequestRecord]: RequestRecord[Key] }[] = [];

  /** See {@link RequestLog}. */
  get records(): readonly RequestRecord[] {
    return this.#records;
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.#records = [];
  }

  /** Records a request that has no answer yet; the caller sets its status. */
  open(at: number, method: string, path: string, kind: RequestKind): { status: number } {
    if (this.#records.length >= MOST_RECORDS) this.#records.splice(0, MOST_RECORDS / 10);
    const record = { at, method, path, status: 0, kind };
    this.#records.push(record);
    return record;
  }
}

/** Headers to send. */
export type Headers = Readonly<Record<string, string | number>>;

/** One request and its answer. Answers are begun here only, so that the log knows their status. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly #now: () => Date;
  #record: { status: number } = { status: 0 };

  constructor(request: IncomingMessage, response: ServerResponse, origin: string, now: () => Date) {
    this.request = request;
    this.response = response;
    this.url = new URL(request.url ?? '/', origin);
    this.#now = now;
    response.sendDate = false;
  }

  /** The request's method. */
  get method(): string {
    return this.request.method ?? 'GET';
  }

  /** A request header, '' where it is missing. */
  header(name: string): string {
    const value = this.request.headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? '';
  }

  /** Records the request in a log; to be called once, before the answer. */
  logIn(log: RequestLog, kind: RequestKind): void {
    this.#record = log.open(this.#now().getTime(), this.method, this.url.pathname, kind);
  }

  /** Begins the answer. */
  head(status: number, headers: Headers): void {
    this.#record.status = status;
    this.response.writeHead(status, { Date: this.#now().toUTCString(), ...headers });
  }

  /** Answers with a text. */
  send(status: number, headers: Headers, body: string | Buffer): void {
    this.head(status, { 'Content-Length': Buffer.byteLength(body), ...headers });
    this.response.end(this.method === 'HEAD' ? undefined : body);
  }

  /** Answers with JSON text. */
  sendJson(status: number, body: unknown, headers: Headers = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.send(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers }, text);
  }

  /** Answers with a page as gateways have them. */
  sendHtml(status: number): void {
    const page = '<!DOCTYPE html><html><head><title>Gateway</title></head><body>Please sign in</body></html>';
    this.send(status, { 'Content-Type': 'text/html' }, page);
  }

  /** Answers with a redirect to a host that is not ours. */
  sendRedirect(): void {
    this.send(302, { Location: 'http://localhost:9/elsewhere' }, '');
  }

  /** Sends half of an answer, then cuts the connection or leaves it hanging until the client goes. */
  sendHalf(status: number, headers: Headers, body: string, ending: 'cut' | 'stall'): void {
    this.head(status, { 'Content-Length': Buffer.byteLength(body), ...headers });
    const half = body.slice(0, Math.floor(body.length / 2));
    this.response.write(half, () => {
      if (ending === 'cut') this.cut();
    });
  }

  /** Cuts the connection. */
  cut(): void {
    this.request.socket.destroy();
  }
}
