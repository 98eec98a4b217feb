import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError } from '../../schemas/errors.js';
import { invocationText } from '../command-line-text.js';
import type { CommandContext } from '../command-context.js';
import { shownPath } from '../config-problem.js';
import { DEMO_CONFIGURATION, DEMO_INVOICES, DEMO_TOKEN_FILES, OVERCHARGED } from '../demo-sandbox.js';
import { demoCommands, demoTables } from '../demo-text.js';
import { countOf } from '../quantity-text.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../sandbox/sandbox.js';
import { summaryText } from '../summary-text.js';
import { EVERYTHING } from '../selection.js';
import { readDataset } from '../demo-dataset.js';
import { runMainJob } from './run-main-job.js';
import { demoReconciliation } from './demo-reconciliation.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing demo`. */
export interface DemoOptions {
  readonly dir: string;
  /** Usage rows of a whole month in one scope; the sandbox's default where it is absent. */
  readonly rows?: number;
}

/** Always the same where it is free, so that a demo's configuration stays as it is. */
const PORT = 17_901;
const MARK = '# Written by `partner-billing demo`, and written anew by the next one.';

/**
 * `partner-billing demo`: starts the sandbox, writes a configuration for it, runs the main job for all four streams
 * into a DuckDB file, and prints what the database then holds and what to try next. The sandbox's data depends on the
 * day only, so a second run finds nothing changed and reads no blob. It ends with a reconciliation in which an error that the
 * sandbox planted is found and explained. Returns the run's exit code.
 */
export async function demo(context: CommandContext, options: DemoOptions): Promise<number> {
  const { io } = context;
  const folder = resolve(io.cwd, options.dir);
  const file = join(folder, 'connector.yaml');
  await refuseOthersConfig(file, shownPath(file, io.cwd));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const sandbox = await startOnPort({
    now: () => io.clock.now(),
    invoices: DEMO_INVOICES,
    ...(options.rows === undefined ? {} : { usageRows: options.rows, reconciliationRows: options.rows }),
  });
  try {
    sandbox.overcharge(OVERCHARGED);
    await writeConfig(sandbox, folder, file);
    const loaded = await context.loadConfig(file);
    await context.tell(`sandbox: Graph at ${sandbox.graphUrl}, storage at ${sandbox.storageHost}`);
    const summary = await runMainJob(context, { loaded, selection: EVERYTHING });
    const blobs = sandbox.requests.filter((request) => request.kind === 'blob').length;
    const read = blobs === 0 ? 'no blob was read' : countOf(blobs, 'blob read');
    const message = `${summary.outcome}; ${read}`;
    await context.tell(`${summaryText(summary)}; ${read}`, { message, summary });
    if (summary.exitCode !== 0) return summary.exitCode;
    const dataset = await withDestination(context, loaded, (destination) =>
      readDataset(destination, loaded.config.destination.dataset),
    );
    await context.print(`\n${demoTables(dataset)}`);
    await context.print(await demoReconciliation(context, loaded));
    await context.print(demoCommands(invocationText(io.cwd), shownPath(file, io.cwd)));
    return 0;
  } finally {
    await sandbox.close();
  }
}

async function refuseOthersConfig(file: string, shown: string): Promise<void> {
  if (!existsSync(file) || (await readFile(file, 'utf8')).startsWith(MARK)) return;
  throw new ConfigError({
    message: `${shown} was not written by the demo, and the demo would replace it`,
    hint: 'name another folder with --dir',
    facts: { file: shown },
  });
}

async function startOnPort(options: SandboxOptions): Promise<Sandbox> {
  try {
    return await startSandbox({ ...options, port: PORT });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError) || thrown.facts['port'] === undefined) throw thrown;
    return await startSandbox({ ...options, port: 0 });
  }
}

async function writeConfig(sandbox: Sandbox, folder: string, file: string): Promise<void> {
  await writeToken(join(folder, DEMO_TOKEN_FILES.graph), sandbox.token);
  await writeToken(join(folder, DEMO_TOKEN_FILES.partnerCenter), sandbox.partnerCenterToken);
  await writeFile(file, `${MARK}\n${sandbox.configuration(DEMO_CONFIGURATION)}`, { mode: 0o600 });
}

async function writeToken(file: string, token: string): Promise<void> {
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
}
