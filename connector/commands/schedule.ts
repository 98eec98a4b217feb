import type { ScheduleConfig } from '../../schemas/config.js';
import { ConfigError, EXIT_CODES } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { HealthFile } from '../health-file.js';
import { startHealthServer, type HealthServer } from '../health-server.js';
import { Interruption } from '../interruption.js';
import { Schedule, type RunResult } from '../schedule.js';
import { HEALTH_EVERY_MS, healthOf, type Health } from '../schedule-health.js';
import { openScheduleStore } from '../schedule-state.js';
import { Timetable } from '../timetable.js';
import { sync } from './sync.js';

/** Options of `partner-billing schedule`. */
export interface ScheduleOptions {
  /** `--metrics-file`, written by each run. */
  readonly metricsFile?: string;
  readonly json?: boolean;
}

/**
 * `partner-billing schedule`: runs `sync` at the due times of `schedule:` until it is told to stop, and keeps the
 * health file and port. Failing runs and a broken configuration are said and do not end it. Returns 0 when it was
 * stopped between two runs, the signal's exit code when a run was cut off.
 * @throws ConfigError at the start only: no `schedule:`, a health file or port that cannot be used.
 */
export async function schedule(context: CommandContext, options: ScheduleOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const settings = scheduleOf(loaded);
  const keeper = new HealthKeeper(context, loaded, settings);
  const planned = await Schedule.open(
    {
      clock: context.io.clock,
      signal: context.io.signal,
      readTimetable: async () => timetableOf(scheduleOf(await context.reloadConfig())),
      runOnce: () => runSync(context, options),
      store: await openScheduleStore(loaded),
      tell: (text) => context.tell(text),
      warn: (text) => context.warn(text),
      fail: (error) => context.fail(error),
      changed: () => keeper.changed(),
    },
    timetableOf(settings),
  );
  try {
    await keeper.open(planned);
    return (await planned.run()) ? interruptionCode(context) : 0;
  } finally {
    await keeper.close();
  }
}

/** What `partner-billing sync` does, and how it ended. */
async function runSync(context: CommandContext, options: ScheduleOptions): Promise<RunResult> {
  const exitCode = await sync(context, options);
  return { exitCode, outcome: outcomeWord(exitCode) };
}

/** The word for an exit code: `done`, or the kind of the gravest error. */
function outcomeWord(exitCode: number): string {
  if (exitCode === 0) return 'done';
  return Object.entries(EXIT_CODES).find(([, code]) => code === exitCode)?.[0] ?? 'ended';
}

function scheduleOf(loaded: LoadedConfig): ScheduleConfig {
  const { schedule: settings } = loaded.config;
  if (settings !== undefined) return settings;
  throw new ConfigError({
    message: `the configuration ${loaded.path} has no schedule:`,
    hint: 'say when to run, such as schedule: { cron: "15 3 * * *", time_zone: UTC }',
    facts: { file: loaded.path },
  });
}

function timetableOf(settings: ScheduleConfig): Timetable {
  return new Timetable(settings.cron, settings.time_zone);
}

function interruptionCode(context: CommandContext): number {
  const reason: unknown = context.io.signal.reason;
  return reason instanceof Interruption ? reason.exitCode : EXIT_CODES.system;
}

/** The health file and port of a schedule, where the configuration names them. */
class HealthKeeper {
  #file: HealthFile | null = null;
  #server: HealthServer | null = null;

  constructor(
    private readonly context: CommandContext,
    private readonly loaded: LoadedConfig,
    private readonly settings: ScheduleConfig,
  ) {}

  async open(schedule: Schedule): Promise<void> {
    const { health_file: file, health_port: port, health_host: host } = this.settings;
    const health = (): Health => this.#health(schedule);
    if (port !== undefined) this.#server = await startHealthServer(host, port, health);
    if (file === undefined) return;
    const { clock } = this.context.io;
    this.#file = await HealthFile.open({
      path: this.loaded.resolve(file),
      document: health,
      everyMs: HEALTH_EVERY_MS,
      clock,
      warn: (text) => this.context.warn(text),
    });
  }

  changed(): void {
    void this.#file?.write();
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.#file?.close();
  }

  #health(schedule: Schedule): Health {
    const { clock, secrets } = this.context.io;
    return secrets.scrubJson(healthOf(schedule.view(), clock.now())) as Health;
  }
}
