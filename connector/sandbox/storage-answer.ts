import { randomUUID } from 'node:crypto';
import type { Exchange, Headers } from './exchange.js';
import type { SasRefusal } from './sas.js';

/** Headers that storage sends with every answer. */
export function storageHeaders(exchange: Exchange): Headers {
  const clientRequestId = exchange.header('x-ms-client-request-id');
  const version = exchange.header('x-ms-version');
  return {
    Server: 'Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0',
    'x-ms-request-id': randomUUID(),
    'x-ms-version': version === '' ? '2021-08-06' : version,
    ...(clientRequestId === '' ? {} : { 'x-ms-client-request-id': clientRequestId }),
  };
}

/** Answers with an error as Azure Storage sends it: XML behind a byte-order mark, the code in a header too. */
export function sendStorageError(exchange: Exchange, error: SasRefusal, now: Date, more: Headers = {}): void {
  const headers = storageHeaders(exchange);
  const detail =
    error.detail === undefined
      ? ''
      : `<AuthenticationErrorDetail>${escaped(error.detail)}</AuthenticationErrorDetail>`;
  const message = `${error.message}\nRequestId:${headers['x-ms-request-id'] ?? ''}\nTime:${now.toISOString()}`;
  const body = `\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>${error.code}</Code><Message>${escaped(message)}</Message>${detail}</Error>`;
  exchange.send(
    error.status,
    { ...headers, 'Content-Type': 'application/xml', 'x-ms-error-code': error.code, ...more },
    body,
  );
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
