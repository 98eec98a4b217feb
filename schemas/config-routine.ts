import { Cron } from 'croner';
import { z } from 'zod';
import { durationSchema, isLoopback, textOf, webAddress, wholeNumber } from './config-values.js';

/** `recheck` of `connector.yaml`: days are counted from the date of the invoice. */
export const recheckSchema = z.strictObject({
  nightly_until_day: wholeNumber(0, 366)
    .default(15)
    .describe(
      'Through this day of its age an invoice is asked for by every run, until its usage and its lines agree.',
    ),
  weekly_until_day: wholeNumber(0, 3660)
    .default(45)
    .describe('After that, or once they agree, it is asked for once a week through this day, then no more.'),
});

/** `retention` of `connector.yaml`. Without it history is kept for ever. */
export const retentionSchema = z.strictObject({
  history_days: wholeNumber(1, 36_600).describe(
    'Days that history keeps what a newer snapshot of an invoice replaced; older is purged at the end of every sync, and what the tables held before then cannot be told any more. The published rows are never purged.',
  ),
});

const CRON = 'a cron expression of five fields such as 15 3 * * *';
const TIME_ZONE = 'a time zone such as UTC or Europe/Berlin';

/** `schedule` of `connector.yaml`. */
export const scheduleSchema = z.strictObject({
  cron: textOf(CRON)
    .refine(isCron, CRON)
    .describe('When to run: minute, hour, day of the month, month, day of the week.'),
  time_zone: textOf(TIME_ZONE)
    .refine(isTimeZone, TIME_ZONE)
    .default('UTC')
    .describe('The time zone that the cron expression is in.'),
  health_file: textOf('the path of a file')
    .optional()
    .describe(
      'File that says how the schedule stands, rewritten at least every minute, relative to this file.',
    ),
  health_port: wholeNumber(1, 65_535)
    .optional()
    .describe(
      'Port of this machine that answers GET /healthz with the same: 200 when all is well, else 503.',
    ),
  health_host: textOf('an address of this machine')
    .default('127.0.0.1')
    .describe('Address that the health port listens on; 0.0.0.0 lets a container platform reach it.'),
});

const WEBHOOK = 'an https:// address (http:// only for a loopback host)';

/** `notify` of `connector.yaml`. */
export const notifySchema = z.strictObject({
  webhook_url: webAddress(/^https?$/, WEBHOOK)
    .refine(isWebhook, WEBHOOK)
    .describe(
      'Address that gets a POST with the summary as JSON. It is a secret: fill it in with ${env:NAME}.',
    ),
  timeout: durationSchema.prefault('10s').describe('How long the address may take to answer.'),
});

function isCron(text: string): boolean {
  if (text.trim().split(/\s+/).length !== 5) return false;
  try {
    return new Cron(text, { paused: true, mode: '5-part' }).nextRun() !== null;
  } catch {
    return false;
  }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function isWebhook(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || isLoopback(hostname);
}
