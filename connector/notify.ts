import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type https from 'node:https';
import got from 'got';
import type { NotifyConfig } from '../schemas/config.js';
import { ConnectorError } from '../schemas/errors.js';
import type { Clock } from './clock.js';
import { errorCode } from './error-code.js';
import { isCertificateError } from './extract/error-cause.js';
import { openAgents, type ConnectionSettings, type HttpAgents } from './extract/http-agents.js';
import type { NotifyBody } from './notify-body.js';

/** What telling needs. */
export interface NotifyOptions {
  readonly notify: NotifyConfig;
  readonly connection: ConnectionSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const ATTEMPTS = 2;
const PAUSE_MS = 1000;
const AGAIN: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

interface Setback {
  readonly what: string;
  readonly again: boolean;
}

/**
 * Sends the document to the webhook: twice at most, and the second time only after an answer or a connection that may
 * have been bad luck. No redirect is followed. Never throws: it resolves to null when the webhook took it, else to a
 * warning, in which neither the address nor any part of it occurs. It takes at most twice `notify.timeout` and a
 * second.
 */
export async function notifyWebhook(options: NotifyOptions, body: NotifyBody): Promise<string | null> {
  let agents: HttpAgents | null = null;
  try {
    agents = openAgents(options.connection);
    return await sendUntilTaken(options, agents, JSON.stringify(body));
  } catch (error) {
    return warning(options.signal.aborted ? 'the run was told to stop' : said(error));
  } finally {
    agents?.close();
  }
}

async function sendUntilTaken(
  options: NotifyOptions,
  agents: HttpAgents,
  body: string,
): Promise<string | null> {
  for (let attempt = 1; ; attempt += 1) {
    const setback = await sendOnce(options, agents, body);
    if (setback === null) return null;
    if (!setback.again || attempt === ATTEMPTS) {
      return warning(attempt === 1 ? setback.what : `${setback.what}, after a second attempt`);
    }
    await options.clock.sleep(PAUSE_MS, options.signal);
  }
}

/** One attempt. The status is all that counts, so the rest of the answer is not read. */
async function sendOnce(
  { notify, signal }: NotifyOptions,
  agents: HttpAgents,
  body: string,
): Promise<Setback | null> {
  const agent = agents.for(notify.webhook_url) as https.Agent;
  const sent = got.stream.post(notify.webhook_url, {
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'partner-billing-connector' },
    agent: { http: agent, https: agent },
    timeout: { request: notify.timeout },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    signal,
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  // What happens to it after its answer concerns nobody.
  sent.on('error', () => undefined);
  try {
    const [{ statusCode = 0 }] = await answered;
    return judged(statusCode);
  } catch (error) {
    signal.throwIfAborted();
    return { what: said(error), again: !isCertificateError(error) && !isTimeout(error) };
  } finally {
    sent.destroy();
  }
}

function judged(status: number): Setback | null {
  if (status >= 200 && status < 300) return null;
  const what =
    status >= 300 && status < 400
      ? `it redirects (${status}), and redirects are not followed`
      : `it answered ${status}`;
  return { what, again: AGAIN.has(status) };
}

/** A document that was not answered in time may have been taken: sending it twice would tell people twice. */
function isTimeout(error: unknown): boolean {
  return errorCode(error) === 'ETIMEDOUT';
}

/** What went wrong, by its code alone: messages of libraries name the host, and it may be a part of the secret. */
function said(error: unknown): string {
  if (error instanceof ConnectorError) return error.message;
  const code = errorCode(error);
  if (isCertificateError(error)) {
    return `its certificate is not trusted here (${code}); set source.ca_file to its authority`;
  }
  if (isTimeout(error)) return 'it did not answer within notify.timeout';
  return code === '' ? 'it could not be asked' : `it could not be reached (${code})`;
}

function warning(what: string): string {
  return `notify.webhook_url was not told of this run: ${what}`;
}
