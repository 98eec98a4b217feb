import type { Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { ConnectorError } from '../schemas/errors.js';
import type { Clock } from './clock.js';
import type { LoadedConfig } from './config.js';
import { errorRecord, errorText } from './error-record.js';
import type { LogFormat, LogLevel } from './log-options.js';
import { LiveProgress, type ProgressView } from './progress-live.js';
import type { LoggedProgress } from './progress-log.js';
import { PlainProgress } from './progress-plain.js';
import { QuietProgress } from './progress-quiet.js';
import type { Secrets } from './secrets.js';
import { Terminal, type TextSink } from './terminal.js';
import { visibleJson, visibleLines } from './visible-text.js';

/** What the command line lives in: given by the process, or by a test. */
export interface Io {
  /** Carries data only. */
  readonly stdout: Writable;
  /** Everything for people: progress, logs, warnings, errors. */
  readonly stderr: TextSink;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborted, with an `Interruption` as reason, when the process is told to stop. */
  readonly signal: AbortSignal;
  /** Filled as secrets become known, before anything else is done with them. */
  readonly secrets: Secrets;
}

/** The options that every command takes. */
export interface CommonOptions {
  readonly config?: string;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** What a command works with. */
export class CommandContext {
  readonly terminal: Terminal;
  #log: Logger | null = null;
  #logged: LoggedProgress | null = null;

  constructor(
    readonly io: Io,
    private readonly options: CommonOptions,
    /** The connector's version. */
    readonly version: string,
  ) {
    this.terminal = new Terminal(io.stderr, (text) => io.secrets.scrub(text));
  }

  /**
   * Reads the configuration, makes its secrets known and prints its warnings. `standIns` are values of whole top-level
   * keys that the file may leave out.
   */
  async loadConfig(
    path = this.options.config,
    standIns?: Readonly<Record<string, unknown>>,
  ): Promise<LoadedConfig> {
    const { loaded, short } = await this.readConfig(path, standIns);
    for (const warning of loaded.warnings) await this.warn(warning);
    if (short > 0) await this.warn('a secret has fewer than 4 characters and is not removed from output');
    return loaded;
  }

  /** Reads it as it is now and makes its secrets known; its warnings are left to {@link loadConfig}. */
  async reloadConfig(): Promise<LoadedConfig> {
    return (await this.readConfig(this.options.config)).loaded;
  }

  private async readConfig(
    path: string | undefined,
    standIns?: Readonly<Record<string, unknown>>,
  ): Promise<{ loaded: LoadedConfig; short: number }> {
    const { loadConfig } = await import('./config.js');
    const { env, cwd, secrets } = this.io;
    const loaded = await loadConfig({ path, env, cwd, standIns });
    return { loaded, short: secrets.add(loaded.secrets) };
  }

  /** Writes data to standard output, waiting while its reader is slow. The data is not scrubbed: it is what was asked for. */
  async print(text: string): Promise<void> {
    const { stdout } = this.io;
    if (text === '' || stdout.destroyed || stdout.writableEnded) return;
    const seen = visibleLines(text);
    const whole = seen.endsWith('\n') ? seen : `${seen}\n`;
    await new Promise<void>((resolve) => stdout.write(whole, () => resolve()));
  }

  /**
   * Writes one JSON document to standard output, secrets removed from its texts: one line, so that documents can be
   * collected in a file; indented where a person looks at it.
   */
  async printJson(value: unknown): Promise<void> {
    const { stdout, secrets } = this.io;
    const indent = 'isTTY' in stdout && stdout.isTTY === true ? 2 : 0;
    await this.print(visibleJson(JSON.stringify(secrets.scrubJson(value), null, indent)));
  }

  /**
   * Writes text for people to standard error, unless `--quiet`. JSON logs get `fields` with the message instead,
   * where they are given. Such a line's event is `summary` where it has a run's summary, else `message`.
   */
  async tell(text: string, fields?: { readonly message: string; readonly summary?: object }): Promise<void> {
    if (this.options.quiet === true) return;
    if (this.options.logFormat !== 'json') this.terminal.write(text);
    else {
      const said = fields ?? { message: text };
      const event = said.summary === undefined ? 'message' : 'summary';
      await this.logLine('info', { event, ...said });
    }
  }

  /** Whether only warnings and errors are to be printed. */
  get isQuiet(): boolean {
    return this.options.quiet === true;
  }

  /** Writes what of a run went wrong, even with `--quiet`; nothing where `text` is empty. */
  async complain(
    text: string,
    fields: { readonly message: string; readonly summary: object },
  ): Promise<void> {
    if (text === '') return;
    if (this.options.logFormat === 'json') await this.logLine('error', { event: 'summary', ...fields });
    else this.terminal.write(text);
  }

  /** Warns, even with `--quiet`. */
  async warn(text: string): Promise<void> {
    if (this.options.logFormat === 'json') await this.logLine('warn', { event: 'warning', message: text });
    else this.terminal.write(`warning: ${text}`);
  }

  /** Says what went wrong and what to do. */
  async fail(error: ConnectorError): Promise<void> {
    if (this.options.logFormat === 'json')
      await this.logLine('error', { event: 'error', err: error, message: error.message });
    else this.terminal.write(errorText(error, this.isTalkative));
    if (this.options.json === true)
      await this.printJson({ exitCode: error.exitCode, error: errorRecord(error, false) });
  }

  /** What shows a run's progress: live lines on a terminal, plain lines elsewhere, or the log where it is asked for. */
  async progress(): Promise<ProgressView> {
    const { logFormat, logLevel, quiet } = this.options;
    if (logFormat === 'json' || logLevel === 'info' || this.isTalkative) {
      const { LoggedProgress } = await import('./progress-log.js');
      this.#logged = new LoggedProgress(await this.log());
      return this.#logged;
    }
    if (quiet === true) return new QuietProgress(this.terminal);
    const View = this.terminal.isLive ? LiveProgress : PlainProgress;
    return new View(this.terminal, this.io.clock);
  }

  private get isTalkative(): boolean {
    return this.options.logLevel === 'debug' || this.options.logLevel === 'trace';
  }

  /** A line of the log that is no progress: with the run that it is about, where one has begun. */
  private async logLine(
    level: LogLevel,
    fields: { readonly event: string; readonly message: string; readonly err?: Error },
  ): Promise<void> {
    const { event, ...rest } = fields;
    (await this.log())[level]({ event, ...this.#logged?.run, ...rest });
  }

  private async log(): Promise<Logger> {
    if (this.#log !== null) return this.#log;
    const { createLog } = await import('./log.js');
    const { logFormat = 'pretty', quiet } = this.options;
    const level = this.options.logLevel ?? (logFormat === 'json' && quiet !== true ? 'info' : 'warn');
    const { clock, secrets } = this.io;
    this.#log = createLog({ level, format: logFormat, terminal: this.terminal, secrets, clock });
    return this.#log;
  }
}
