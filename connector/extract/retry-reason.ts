import type { RetryReason } from '../../schemas/progress.js';

/** Codes of an attempt that took too long; everything else without an answer is a connection that failed. */
const TIMEOUTS = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'REQUEST_SEND_TIMEOUT']);

/** Why a request that was answered with this status is sent again. */
export function reasonOfStatus(status: number): RetryReason {
  if (status === 429) return 'throttled';
  if (status === 408) return 'timeout';
  return status >= 500 ? 'server' : 'other';
}

/** Why a request that got no answer is sent again, by the code of its error. */
export function reasonOfCode(code: string): RetryReason {
  return TIMEOUTS.has(code) ? 'timeout' : 'connection';
}
