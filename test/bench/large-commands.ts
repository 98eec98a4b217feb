import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { packageRoot } from '../../connector/package-info.js';
import { INVOICE } from '../e2e/generated-month.js';
import { warehouseConfig } from './large-duckdb.js';
import type { Engine } from './large-measure.js';

const run = promisify(execFile);

/** What a command of the product took, its start included. */
export interface CommandMeasurement {
  readonly command: string;
  readonly engine: Engine;
  readonly seconds: number;
  /** What it answered otherwise than expected. */
  readonly wrong: readonly string[];
}

const COMMANDS = [
  { arguments: ['reconcile', '--invoice', INVOICE], exitCode: 7, says: 'does not match' },
  { arguments: ['explain', '--invoice', INVOICE], exitCode: 0, says: INVOICE },
];

/** `reconcile` and `explain` of the invoice on both engines, each as a process of its own. */
export async function measureCommands(of: {
  readonly path: string;
  readonly url: string;
  readonly folder: string;
}): Promise<readonly CommandMeasurement[]> {
  const measured: CommandMeasurement[] = [];
  const destinations = [
    ['duckdb', { type: 'duckdb', path: of.path }],
    ['postgres', { type: 'postgres', url: of.url }],
  ] as const;
  for (const [engine, destination] of destinations) {
    const config = join(of.folder, `${engine}.yaml`);
    await writeFile(config, stringify(warehouseConfig(destination)));
    for (const command of COMMANDS) measured.push(await measureCommand(engine, config, command));
  }
  return measured;
}

async function measureCommand(
  engine: Engine,
  config: string,
  wanted: (typeof COMMANDS)[number],
): Promise<CommandMeasurement> {
  const cli = join(packageRoot(), 'dist', 'connector', 'cli.js');
  const command = wanted.arguments.join(' ');
  const start = performance.now();
  const { code, text } = await run(process.execPath, [cli, ...wanted.arguments, '--config', config]).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code?: number; stdout?: string; stderr?: string }) => ({
      code: error.code ?? -1,
      text: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(`${engine} ${command}: ${seconds.toFixed(2)} s\n`);
  const isRight = code === wanted.exitCode && text.includes(wanted.says);
  return {
    ...{ command, engine, seconds },
    wrong: isRight ? [] : [`${command} on ${engine} ended with ${code}: ${text.slice(0, 500)}`],
  };
}
