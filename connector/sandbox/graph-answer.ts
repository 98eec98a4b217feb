import { randomUUID } from 'node:crypto';
import type { Exchange, Headers } from './exchange.js';

/** Headers that Graph sends with every answer; `client-request-id` is echoed. */
export function graphHeaders(exchange: Exchange): Headers {
  const clientRequestId = exchange.header('client-request-id');
  return {
    'request-id': randomUUID(),
    'client-request-id': clientRequestId === '' ? randomUUID() : clientRequestId,
    'Cache-Control': 'no-store',
  };
}

/** Answers with Graph's error body (api-contract.md 9.3). */
export function sendGraphError(
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Headers = {},
): void {
  const own = graphHeaders(exchange);
  const body = {
    error: {
      code,
      message,
      innerError: {
        date: new Date().toISOString().slice(0, 19),
        'request-id': own['request-id'],
        'client-request-id': own['client-request-id'],
      },
    },
  };
  exchange.sendJson(status, body, { ...own, ...headers });
}

/** Which status a fault's name asks for, with what headers and code; null for a fault that is no plain error. */
export function sendErrorFault(exchange: Exchange, fault: string, now: Date): boolean {
  const name = fault.replace(/^(post|poll|manifest|invoices)-/, '');
  const soon = new Date(now.getTime() + 2000).toUTCString();
  const send = (status: number, code: string, headers: Headers = {}): true => {
    sendGraphError(exchange, status, code, `The sandbox was asked for ${fault}.`, headers);
    return true;
  };
  switch (name) {
    case '400':
      return send(400, 'invalidRequest');
    case '401':
      return send(401, 'InvalidAuthenticationToken', { 'WWW-Authenticate': 'Bearer realm=""' });
    case '403':
      return send(403, 'Authorization_RequestDenied');
    case '404':
      return send(404, 'itemNotFound');
    case '410':
      return send(410, 'itemNotFound');
    case '429':
      return send(429, 'TooManyRequests', { 'Retry-After': '1' });
    case '429-date':
      return send(429, 'TooManyRequests', { 'Retry-After': soon });
    case '429-bare':
      return send(429, 'TooManyRequests');
    case '500':
      return send(500, 'generalException');
    case '503':
      return send(503, 'serviceNotAvailable', { 'Retry-After': '1' });
    case '503-bare':
      return send(503, 'serviceNotAvailable');
    case 'html':
      exchange.sendHtml(200);
      return true;
    case '502-html':
      exchange.sendHtml(502);
      return true;
    case 'redirect':
      exchange.sendRedirect();
      return true;
    default:
      return false;
  }
}
