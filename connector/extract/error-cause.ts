import { redact } from '../../schemas/redact.js';
import { errorCode } from '../error-code.js';

/**
 * What is kept of another library's error as the cause of ours: its name, message and code without secrets. The
 * object itself is not kept, because it holds the request: its bearer token, its SAS, its body.
 */
export function causeOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(redact(String(error)));
  const cause = new Error(redact(error.message));
  cause.name = error.name;
  const code = errorCode(error);
  return code === '' ? cause : Object.assign(cause, { code });
}

/** Codes of errors that mean: the other end's certificate is not trusted here. A person must act. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Whether an error says that the other end's certificate is not trusted. */
export function isCertificateError(error: unknown): boolean {
  return CERTIFICATE_CODES.has(errorCode(error));
}
