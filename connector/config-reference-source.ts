import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
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
      if (fstatSync(file).isDirectory()) return { missing: 'is a folder' };
      const bytes = readAtMost(file, MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) return { missing: `is longer than ${MAX_BYTES} bytes` };
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
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

/** The first bytes of a file; of a pipe or a device too, whose length nobody knows. */
function readAtMost(file: number, most: number): Buffer {
  const bytes = Buffer.alloc(most);
  let length = 0;
  for (let read = -1; read !== 0 && length < most; length += read) {
    read = readSync(file, bytes, length, most - length, null);
  }
  return bytes.subarray(0, length);
}
