import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Clock } from '../../../connector/clock.js';
import { configSchema, type Config } from '../../../schemas/config.js';
import type { ProgressEvent, Report } from '../../../schemas/progress.js';

/** The partner tenant of all tests here. */
export const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
/** A bearer token that must be seen nowhere but in requests to Graph. */
export const TOKEN = 'planted-bearer-token-0123456789';

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'extract-test-'));
  folders.push(folder);
  return folder;
}

/** A clock whose waits end at once and are remembered. */
export interface TestClock extends Clock {
  readonly waits: number[];
  /** Moves the clock on. */
  pass(ms: number): void;
}

/** Makes a clock that stands still but for waits. */
export function testClock(start = '2026-11-23T10:00:00.000Z'): TestClock {
  let passed = 0;
  const waits: number[] = [];
  return {
    waits,
    pass(ms) {
      passed += ms;
    },
    now: () => new Date(Date.parse(start) + passed),
    monotonicMs: () => passed,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      waits.push(ms);
      passed += ms;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
}

/** Collects progress events. */
export function collected(): { readonly events: ProgressEvent[]; readonly report: Report } {
  const events: ProgressEvent[] = [];
  return { events, report: (event) => events.push(event) };
}

/** A checked configuration with a static token. */
export function configOf(
  graphUrl: string,
  changes: {
    readonly source?: Readonly<Record<string, unknown>>;
    readonly limits?: Readonly<Record<string, unknown>>;
  } = {},
): Config {
  return configSchema.parse({
    version: 1,
    source: {
      graph_url: graphUrl,
      tenant_id: TENANT,
      auth: { method: 'static_token', token: TOKEN },
      ...changes.source,
    },
    streams: { billed_usage: { invoices: ['G016907411'] } },
    destination: { type: 'duckdb', path: './x.duckdb' },
    ...(changes.limits === undefined ? {} : { limits: changes.limits }),
  });
}

/** Everything an error says anywhere: message, hint, facts, causes, and what a logger would print. */
export function everythingIn(error: unknown): string {
  const parts: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    parts.push(one.message, one.stack ?? '', JSON.stringify(one), JSON.stringify(Object.entries(one)));
    parts.push(String((one as { hint?: unknown }).hint), JSON.stringify((one as { facts?: unknown }).facts));
  }
  return parts.join('\n');
}

/** The error that a promise is rejected with; fails where it is not. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => {
      throw new Error(`expected an error, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
