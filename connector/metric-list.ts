/** What a metric is called where, and what it means. docs/metrics.md lists the same; a test compares. */
export interface MetricDeclaration {
  /** Name in the Prometheus text file. */
  readonly prometheus: string;
  /** Name of the OpenTelemetry instrument. */
  readonly openTelemetry: string;
  /** A counter only grows, and in the text file goes on where the former run ended; a gauge is of the last run. */
  readonly kind: 'counter' | 'gauge';
  /** In the notation of UCUM, as OpenTelemetry wants it. */
  readonly unit: string;
  /** Beside those that every metric has. Each takes few values, known beforehand: no invoice, no month, no text. */
  readonly labels: readonly string[];
  readonly help: string;
  /** Whether a gauge that a run says nothing of keeps the former run's value in the text file. */
  readonly kept?: boolean;
}

/** Labels of every metric: what tells the files of several configurations on one machine apart. */
export const IDENTITY_LABELS = ['tenant', 'dataset', 'destination'] as const;

/** Every metric of a run, by the name that the code has for it. */
export const METRICS = {
  runs: {
    prometheus: 'partner_billing_runs_total',
    openTelemetry: 'partner_billing.runs',
    kind: 'counter',
    unit: '{run}',
    labels: ['outcome'],
    help: 'Runs that ended, by outcome: done, or the kind of the gravest error.',
  },
  scopes: {
    prometheus: 'partner_billing_scopes_total',
    openTelemetry: 'partner_billing.scopes',
    kind: 'counter',
    unit: '{scope}',
    labels: ['stream', 'outcome'],
    help: 'Scopes that runs dealt with, by what became of them.',
  },
  records: {
    prometheus: 'partner_billing_records_total',
    openTelemetry: 'partner_billing.records',
    kind: 'counter',
    unit: '{record}',
    labels: ['stream'],
    help: 'Records of the snapshots that were published.',
  },
  rejected: {
    prometheus: 'partner_billing_rejected_records_total',
    openTelemetry: 'partner_billing.rejected_records',
    kind: 'counter',
    unit: '{record}',
    labels: ['stream'],
    help: 'Rejected records of snapshots that were published, or refused for having too many of them.',
  },
  bytes: {
    prometheus: 'partner_billing_downloaded_bytes_total',
    openTelemetry: 'partner_billing.downloaded',
    kind: 'counter',
    unit: 'By',
    labels: ['stream'],
    help: 'Compressed bytes of the blobs that became whole on disk.',
  },
  retries: {
    prometheus: 'partner_billing_retries_total',
    openTelemetry: 'partner_billing.retries',
    kind: 'counter',
    unit: '{retry}',
    labels: ['what', 'why'],
    help: 'Retries, by what was tried again and why.',
  },
  pollWait: {
    prometheus: 'partner_billing_poll_wait_seconds_total',
    openTelemetry: 'partner_billing.poll_wait',
    kind: 'counter',
    unit: 's',
    labels: ['stream'],
    help: 'Seconds waited between polls of exports.',
  },
  dataAge: {
    prometheus: 'partner_billing_data_age_seconds',
    openTelemetry: 'partner_billing.data_age',
    kind: 'gauge',
    unit: 's',
    labels: ['stream'],
    help: 'Age of the published data at the end of the run, since Microsoft made it.',
  },
  dataTime: {
    prometheus: 'partner_billing_data_timestamp_seconds',
    openTelemetry: 'partner_billing.data_timestamp',
    kind: 'gauge',
    unit: 's',
    labels: ['stream'],
    help: 'When Microsoft made the published data, in seconds since 1970.',
    kept: true,
  },
  duration: {
    prometheus: 'partner_billing_last_run_duration_seconds',
    openTelemetry: 'partner_billing.last_run_duration',
    kind: 'gauge',
    unit: 's',
    labels: [],
    help: 'Seconds that the last run took.',
  },
  exitCode: {
    prometheus: 'partner_billing_last_run_exit_code',
    openTelemetry: 'partner_billing.last_run_exit_code',
    kind: 'gauge',
    unit: '1',
    labels: [],
    help: 'Exit code of the last run; 0 is done.',
  },
  finished: {
    prometheus: 'partner_billing_last_run_timestamp_seconds',
    openTelemetry: 'partner_billing.last_run_timestamp',
    kind: 'gauge',
    unit: 's',
    labels: [],
    help: 'When the last run ended, in seconds since 1970.',
  },
  succeeded: {
    prometheus: 'partner_billing_last_success_timestamp_seconds',
    openTelemetry: 'partner_billing.last_success_timestamp',
    kind: 'gauge',
    unit: 's',
    labels: [],
    help: 'When a run last ended with exit code 0, in seconds since 1970.',
    kept: true,
  },
} as const satisfies Readonly<Record<string, MetricDeclaration>>;

/** The code's name of a metric. */
export type MetricName = keyof typeof METRICS;

/** All of them, in the order in which they are written. */
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** The declaration of a metric, without the literal types of {@link METRICS}. */
export function declarationOf(name: MetricName): MetricDeclaration {
  return METRICS[name];
}
