import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../connector/clock.js';
import { loadConfig, type LoadedConfig } from '../../connector/config.js';
import { openDestination } from '../../connector/load/open-destination.js';
import type { RunSummary } from '../../connector/run-summary.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../connector/sandbox/sandbox.js';
import { runCli, type CliResult, type CliSetting } from '../connector/cli-io.js';

/** What `sync --json` or `backfill --json` left behind. */
export interface DatedRun extends CliResult {
  readonly summary: RunSummary;
}

/** `OUTCOME CODE` of each scope of a run, by `STREAM SCOPE`. */
export function outcomesOf({ summary }: DatedRun): Record<string, string> {
  return Object.fromEntries(
    summary.scopes.map(({ stream, scope, outcome, exitCode }) => [
      `${stream} ${scope}`,
      `${outcome} ${exitCode}`,
    ]),
  );
}

/** A user's site whose day is the test's choice, for the service and the connector alike, driven by its command line. */
export interface DatedSite {
  readonly sandbox: Sandbox;
  readonly folder: string;
  /** It is five in the morning of a day, `2026-11-08`, in UTC. */
  on(day: string): void;
  /** Writes the configuration anew; `settings` replace or add to the sandbox's own. */
  configure(settings: Record<string, unknown>): Promise<void>;
  cli(argv: readonly string[], setting?: Partial<CliSetting>): Promise<CliResult>;
  /** A command that prints a run's summary with `--json`. */
  run(argv: readonly string[], setting?: Partial<CliSetting>): Promise<DatedRun>;
  /** Runs a query on the destination and returns its rows, every value as text. */
  query(sql: string): Promise<(string | null)[][]>;
  /** How many exports were asked for since this was last called. */
  exportsAskedFor(): number;
  close(): Promise<void>;
}

/** Starts a site. `settings` are those of the configuration, the destination included. */
export async function startDatedSite(
  day: string,
  options: SandboxOptions,
  settings: Record<string, unknown>,
): Promise<DatedSite> {
  const clock = new DatedClock(day);
  const sandbox = await startSandbox({
    ...{ reconciliationRows: 20, usageRows: 40, blobs: 1, pollsUntilDone: 0, retryAfterSeconds: 0 },
    now: () => clock.now(),
    ...options,
  });
  const folder = await mkdtemp(join(tmpdir(), 'partner-billing-dated-'));
  const path = join(folder, 'connector.yaml');
  const { token: GRAPH_TOKEN, partnerCenterToken: PARTNER_CENTER_TOKEN } = sandbox;
  const env = { GRAPH_TOKEN, PARTNER_CENTER_TOKEN };
  const auth = { token: '${env:GRAPH_TOKEN}', partner_center_token: '${env:PARTNER_CENTER_TOKEN}' };
  const configure = (changed: Record<string, unknown>) =>
    writeFile(path, sandbox.configuration({ source: { auth }, ...changed }));
  await configure(settings);
  const cli: DatedSite['cli'] = (argv, setting = {}) => runCli(argv, { cwd: folder, env, clock, ...setting });
  return {
    sandbox,
    folder,
    configure,
    cli,
    on: (next) => clock.goTo(next),
    run: async (argv, setting) => {
      const result = await cli([...argv, '--json'], setting);
      return { ...result, summary: JSON.parse(result.out) as RunSummary };
    },
    query: async (sql) => await rowsOf(await loadConfig({ path, env, cwd: folder }), sql),
    exportsAskedFor: () => {
      const asked = sandbox.requests.filter(({ kind }) => kind === 'export').length;
      sandbox.clearRequests();
      return asked;
    },
    close: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Every look at it is a millisecond later, so that instants sort as things happened; waits take next to no time. */
class DatedClock implements Clock {
  #at: number;

  constructor(day: string) {
    this.#at = instantOf(day);
  }

  goTo(day: string): void {
    this.#at = Math.max(this.#at, instantOf(day));
  }

  now(): Date {
    return new Date((this.#at += 1));
  }

  monotonicMs(): number {
    return this.#at;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(1, signal);
    this.#at += ms;
  }
}

function instantOf(day: string): number {
  return Date.parse(`${day}T05:00:00Z`);
}

async function rowsOf({ config, resolve }: LoadedConfig, sql: string): Promise<(string | null)[][]> {
  const opened = await openDestination(config, {
    path: resolve,
    report: () => undefined,
    clock: systemClock,
  });
  try {
    return await opened.query(sql, async (result) => {
      const rows: (string | null)[][] = [];
      for await (const row of result.rows()) rows.push([...row]);
      return rows;
    });
  } finally {
    await opened.close();
  }
}
