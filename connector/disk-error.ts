import { ConfigError, ConnectorError, TransientError } from '../schemas/errors.js';
import { errorCode } from './error-code.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);
const PASSING = new Set(['EMFILE', 'ENFILE', 'EIO', 'EBUSY', 'EAGAIN', 'ESTALE', 'ENOMEM']);

/**
 * Does something on the local disk; what goes wrong there comes out as an error of ours that names the path: a full
 * disk and missing rights need a person, what may pass is transient. Anything else comes out as it is.
 */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, path);
  }
}

function diskError(error: unknown, path: string): unknown {
  if (error instanceof ConnectorError) return error;
  const code = errorCode(error);
  const facts = { code, path };
  const message = `${path}: ${error instanceof Error ? error.message : String(error)}`;
  if (FULL.has(code)) {
    const hint =
      'the disk is full: free some space or set spool: to a folder on a larger disk; what is there is kept';
    return new ConfigError({ message, hint, facts, cause: error });
  }
  if (NOT_ALLOWED.has(code)) {
    return new ConfigError({
      message,
      hint: 'this user must be able to write there; look at spool: and archive:',
      facts,
      cause: error,
    });
  }
  if (PASSING.has(code)) {
    return new TransientError({
      message,
      hint: 'the disk is busy or unwell; the next run goes on',
      facts,
      cause: error,
    });
  }
  return error;
}
