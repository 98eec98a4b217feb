import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Another process that has a DuckDB file open: a lock of the kernel's, held by a process that is not ours. */
export interface DuckdbProcess {
  readonly pid: number;
  /** Closes the file and ends, as a program does. */
  end(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

const HOLD = `
  const { DuckDBInstance } = require('@duckdb/node-api');
  const [path, mode] = process.argv.slice(1);
  (async () => {
    const instance = await DuckDBInstance.create(path, { access_mode: mode, threads: '1' });
    const connection = await instance.connect();
    console.log('open');
    process.stdin.once('data', () => {
      connection.closeSync();
      instance.closeSync();
      process.exit(0);
    });
  })().catch((error) => { console.log(error.message.split('\\n')[0]); process.exit(1); });
`;

/** Starts a process that opens the file and holds it. @throws when it cannot open the file */
export async function holdInAnotherProcess(
  path: string,
  mode: 'READ_WRITE' | 'READ_ONLY' = 'READ_WRITE',
): Promise<DuckdbProcess> {
  const child = start(path, mode);
  const said = await firstLine(child);
  if (said !== 'open') throw new Error(said);
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    end: async () => {
      child.stdin?.write('end\n');
      await ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** What another process finds when it opens the file: `open`, or DuckDB's message. It does not keep it. */
export async function openInAnotherProcess(path: string, mode: 'READ_WRITE' | 'READ_ONLY'): Promise<string> {
  const child = start(path, mode);
  const ended = once(child, 'exit');
  const said = await firstLine(child);
  child.stdin?.write('end\n');
  await ended;
  return said;
}

function start(path: string, mode: string): ChildProcess {
  return spawn(process.execPath, ['-e', HOLD, path, mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: import.meta.dirname,
  });
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the process has no standard output');
  for await (const line of createInterface({ input: child.stdout })) return line;
  return 'it said nothing';
}
