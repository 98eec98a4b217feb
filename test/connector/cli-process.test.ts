import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot, packageVersion } from '../../connector/package-info.js';

/** What `npm run build`, and so `npm test`, makes. */
const BUILT = join(packageRoot(), 'dist', 'connector', 'cli.js');

let cwd = '';
let program = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cli-process-'));
  // As npm installs it: a link, run by its own first line.
  program = join(cwd, 'partner-billing');
  symlinkSync(BUILT, program);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

type Running = ChildProcessByStdio<null, Readable, Readable>;

function start(...argv: string[]): Running {
  return spawn(program, argv, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Exit code and output of a process at its end. */
async function ended(running: Running): Promise<{ exitCode: number | null; out: string; err: string }> {
  const text = { out: '', err: '' };
  running.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  running.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  const [exitCode] = (await once(running, 'close')) as [number | null];
  return { exitCode, ...text };
}

/** Resolves when the sandbox says where it listens. */
async function listening(running: Running): Promise<void> {
  let text = '';
  for await (const chunk of running.stderr) {
    text += String(chunk);
    if (text.includes('Stop the sandbox')) return;
  }
  throw new Error(`the sandbox did not start: ${text}`);
}

describe('the built command', () => {
  it('runs through a link and prints its version', async () => {
    expect(await ended(start('--version'))).toEqual({ exitCode: 0, out: `${packageVersion()}\n`, err: '' });
  });

  it('exits 2 after a usage error', async () => {
    const { exitCode, out, err } = await ended(start('snc'));
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('Did you mean sync?');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with the exit code of %s', async (signal, code) => {
    const running = start('sandbox', '--port', '0', '--rows', '10');
    const closed = once(running, 'close');
    await listening(running);
    running.kill(signal);
    const [exitCode] = (await closed) as [number | null];
    expect(exitCode).toBe(code);
  });

  it('ends well when the reader of its output goes away', async () => {
    const running = start('--help');
    running.stdout.destroy();
    const [exitCode] = (await once(running, 'close')) as [number | null];
    expect(exitCode).toBe(0);
  });
});
