import { pino, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Clock } from './clock.js';
import { errorRecord } from './error-record.js';
import type { LogFormat, LogLevel } from './log-options.js';
import type { Secrets } from './secrets.js';
import type { Terminal } from './terminal.js';
import { visibleJson } from './visible-text.js';

/** What a log is made from. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly terminal: Terminal;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/**
 * A log on standard error. Errors (`err`) are written as named fields with their causes, with stacks from `debug` on;
 * every text passes the secrets' scrubber, in JSON value by value so that a line stays a JSON document.
 */
export function createLog(options: LogOptions): Logger {
  const { level, format, terminal, secrets, clock } = options;
  const withStacks = level === 'debug' || level === 'trace';
  const pretty = prettyFactory({ colorize: false, translateTime: 'SYS:HH:MM:ss.l', messageKey: 'message' });
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${clock.now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (thrown: unknown) => errorRecord(thrown, withStacks) },
    },
    {
      write: (line: string) => {
        const record = secrets.scrubJson(JSON.parse(line));
        const text = JSON.stringify(record);
        terminal.write(format === 'json' ? visibleJson(text) : (pretty(text) ?? text));
      },
    },
  );
}
