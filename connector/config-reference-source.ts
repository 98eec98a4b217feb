import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ReferenceSource } from './config-interpolation.js';

/** The longest file that `${file:path}` fills in: secrets and certificates are short. */
const MAX_BYTES = 64 * 1024;
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder',
};

/**
 * Values from the environment and from files, whose paths are relative to the configuration file's folder. One
 * newline at a file's end is removed.
 */
export function referenceSource(env: NodeJS.ProcessEnv, folder: string): ReferenceSource {
  return {
    env: (name) => {
      const value = env[name];
      return value === undefined ? { missing: 'is not set' } : { value };
    },
    file: (path) => readText(resolve(folder, path)),
  };
}

function readText(path: string): { value: string } | { missing: string } {
  try {
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      if (stat.isDirectory()) return { missing: 'is a folder' };
      if (stat.size > MAX_BYTES) return { missing: `is longer than ${MAX_BYTES} bytes` };
      const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
      return { value: text.replace(/\r?\n$/, '') };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof TypeError) return { missing: 'is not UTF-8 text' };
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return { missing: WHY[code] ?? `cannot be read (${code})` };
  }
}
