import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Another process that has a DuckDB file open: a lock of the kernel's, held by a process that is not ours. */
export interface DuckdbProcess {
  readonly pid: number;
  /** The rows of a statement that it runs over the file that it has open, as JSON values. */
  rows(sql: string): Promise<unknown>;
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
    for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
      if (line === 'end') break;
      const result = await connection.run(line);
      console.log(JSON.stringify(await result.getRowsJson()));
    }
    connection.closeSync();
    instance.closeSync();
    process.exit(0);
  })().catch((error) => { console.log(error.message.split('\\n')[0]); process.exit(1); });
`;

/** Starts a process that opens the file and holds it. @throws when it cannot open the file */
export async function holdInAnotherProcess(
  path: string,
  mode: 'READ_WRITE' | 'READ_ONLY' = 'READ_WRITE',
): Promise<DuckdbProcess> {
  const child = start(path, mode);
  const lines = linesOf(child);
  const said = await nextLine(lines);
  if (said !== 'open') throw new Error(said);
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    rows: async (sql) => {
      child.stdin?.write(`${sql}\n`);
      return JSON.parse(await nextLine(lines)) as unknown;
    },
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
  const said = await nextLine(linesOf(child));
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

function linesOf(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new Error('the process has no standard output');
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const next = await lines.next();
  return next.done === true ? 'it said nothing' : next.value;
}
