import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../connector/clock.js';
import { loadConfig } from '../../connector/config.js';
import { openDestination } from '../../connector/load/open-destination.js';
import type { RunSummary } from '../../connector/run-summary.js';
import { EVERYTHING, type Selection } from '../../connector/selection.js';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../connector/sandbox/sandbox.js';
import { runSync } from '../../connector/sync.js';
import type { ProgressEvent } from '../../schemas/progress.js';

/** The day on which the sandbox's service lives in these tests. */
export const TODAY = new Date('2026-11-23T12:00:00Z');

/** A sandbox of Microsoft's service and a folder with a configuration for it: a user's site, small enough for a test. */
export interface Site {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly configPath: string;
  /** Events of all runs so far. */
  readonly events: ProgressEvent[];
  sync(selection?: Partial<Selection>, signal?: AbortSignal): Promise<RunSummary>;
  /** Moves the clock of the runs; the sandbox has its own. */
  moveTo(instant: Date): void;
  /** Writes the configuration anew, with other settings. */
  configure(settings: Record<string, unknown>): Promise<void>;
  /** Runs a query on the destination and returns its rows, every value as text. */
  query(sql: string): Promise<(string | null)[][]>;
  close(): Promise<void>;
}

/**
 * A clock on which waits take next to no time, though everybody sees the time pass. Every look at it is a
 * millisecond later, so that ids and instants sort as things happened.
 */
function quickClock(start: Date): Clock & { moveTo(instant: Date): void } {
  let from = start.getTime();
  let skipped = 0;
  // Whoever moves the clock moves no stopwatch.
  let slept = 0;
  return {
    moveTo: (instant) => {
      [from, skipped] = [instant.getTime(), 0];
    },
    now: () => new Date(from + (skipped += 1)),
    monotonicMs: () => systemClock.monotonicMs() + slept,
    sleep: async (ms, signal) => {
      await systemClock.sleep(5, signal);
      skipped += ms;
      slept += ms;
    },
  };
}

/** Starts a site. `destination` is the configuration's; `settings` replace or add whole top-level keys. */
export async function startSite(
  destination: Record<string, unknown>,
  options: SandboxOptions = {},
  settings: Record<string, unknown> = {},
): Promise<Site> {
  const today = options.now?.() ?? TODAY;
  const sandbox = await startSandbox({
    usageRows: 120,
    reconciliationRows: 60,
    blobs: 2,
    pollsUntilDone: 1,
    retryAfterSeconds: 0,
    now: () => TODAY,
    ...options,
  });
  const folder = await mkdtemp(join(tmpdir(), 'partner-billing-site-'));
  const configPath = join(folder, 'connector.yaml');
  const configure = (changed: Record<string, unknown>) =>
    writeFile(configPath, sandbox.configuration({ destination, ...changed }));
  await configure(settings);
  const events: ProgressEvent[] = [];
  const clock = quickClock(today);
  const loaded = () => loadConfig({ path: configPath, env: {}, cwd: folder });
  return {
    sandbox,
    folder,
    configPath,
    events,
    configure,
    moveTo: (instant) => clock.moveTo(instant),
    sync: async (selection = {}, signal = new AbortController().signal) => {
      const { summary } = await runSync({
        loaded: await loaded(),
        selection: { ...EVERYTHING, ...selection },
        report: (event) => events.push(event),
        clock,
        signal,
        connectorVersion: '0.0.0-test',
      });
      return summary;
    },
    query: async (sql) => {
      const { config, resolve } = await loaded();
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
    },
    close: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
