import { z } from 'zod';
import { notifySchema, recheckSchema, retentionSchema, scheduleSchema } from './config-routine.js';
import { sourceSchema } from './config-source.js';
import { streamsSchema } from './config-streams.js';
import { toleranceSchema } from './config-tolerance.js';
import { durationSchema, sizeSchema, textLike, textOf, wholeNumber } from './config-values.js';

export { durationSchema, isLoopback, sizeSchema } from './config-values.js';

const DATASET =
  'a name of lower-case letters, digits and _, at most 63 long, not information_schema or pg_...';
const datasetSchema = textLike(/^[a-z_][a-z0-9_]{0,62}$/, DATASET)
  .refine((name) => name !== 'information_schema' && !name.startsWith('pg_'), DATASET)
  .default('csp')
  .describe('The database schema that holds the tables. Another partner tenant needs another dataset.');
const migrateSchema = z
  .enum(['auto', 'manual'], 'auto or manual')
  .default('auto')
  .describe('auto: sync migrates by itself. manual: only `partner-billing migrate` does.');

const POSTGRES_URL = 'an address such as postgres://user:password@host:5432/database?sslmode=verify-full';
const DUCKDB_PATH = 'the path of a file (:memory: keeps nothing between two runs, md: is not supported)';

const destinationSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('duckdb').describe('Which database: duckdb or postgres.'),
      path: textOf(DUCKDB_PATH)
        .refine((path) => !/^(:memory:|md:|motherduck:)/.test(path), DUCKDB_PATH)
        .describe('The DuckDB file, relative to this file.'),
      dataset: datasetSchema,
      migrate: migrateSchema,
      memory_limit: sizeSchema
        .prefault('1GiB')
        .describe('Memory that DuckDB may use; the connector itself needs up to 300 MB more.'),
      threads: wholeNumber(1, 256).default(2).describe('Threads that DuckDB may use.'),
      temp_directory: textOf('the path of a folder')
        .optional()
        .describe('Folder that DuckDB spills to, relative to this file; none: beside the DuckDB file.'),
      read_copy: textOf('the path of a file')
        .optional()
        .describe(
          'A copy of the DuckDB file for analysts to keep open, made anew after each run that changed anything; none: no copy.',
        ),
    }),
    z.strictObject({
      type: z.literal('postgres').describe('Which database: duckdb or postgres.'),
      url: textLike(/^postgres(ql)?:\/\//, POSTGRES_URL).describe(
        'Address of the database; TLS by its sslmode. A password in it is percent-encoded and never printed.',
      ),
      dataset: datasetSchema,
      migrate: migrateSchema,
    }),
  ])
  .describe('Where the data goes.');

const REJECTED_LIMIT = 'a whole number, or a share such as 0.1%';
const limitsSchema = z.strictObject({
  rejected_records: z
    .union(
      [
        z.int(REJECTED_LIMIT).min(0, REJECTED_LIMIT),
        textLike(/^(100|\d{1,2})(\.\d{1,6})?%$/, REJECTED_LIMIT),
      ],
      REJECTED_LIMIT,
    )
    .default(0)
    .describe(
      'Records of one snapshot that may be rejected, as a number or a share such as 0.1%. With more, nothing of the snapshot is published.',
    ),
  concurrent_exports: wholeNumber(1, 64).default(4).describe('Exports that run at the same time.'),
  concurrent_blobs: wholeNumber(1, 64).default(4).describe('Blobs that are downloaded at the same time.'),
  poll_deadline: durationSchema
    .prefault('2h')
    .describe('How long an export is waited for before it is given up.'),
  line_bytes: sizeSchema.prefault('16MiB').describe('The longest line that is read from a blob.'),
  parse_threads: wholeNumber(1, 64)
    .optional()
    .describe(
      'Blobs of one snapshot that are parsed at the same time, each in a thread of its own; without it one less than the machine has cores.',
    ),
});

/** The shape of `connector.yaml` (architecture.md section 6). Unknown keys are errors. */
export const configSchema = z
  .strictObject({
    version: z.literal(1, '1').describe('Version of this format.'),
    source: sourceSchema.describe('Where the data comes from.'),
    streams: streamsSchema.describe('What to export, by stream; at least one.'),
    destination: destinationSchema,
    spool: textOf('the path of a folder')
      .default('./spool')
      .describe('Folder of load packages on their way, relative to this file.'),
    archive: textOf('the path of a folder')
      .optional()
      .describe(
        'Folder that keeps the published packages of billed streams, relative to this file; none: removed.',
      ),
    archive_unbilled: z
      .boolean()
      .default(false)
      .describe(
        'Whether the archive keeps the packages of unbilled streams too: one a month and currency each night.',
      ),
    lock_wait: durationSchema
      .prefault('5m')
      .describe('How long a load waits for a DuckDB file or a lock that another program holds.'),
    limits: limitsSchema.prefault({}).describe('Bounds on what a run may use or accept.'),
    recheck: recheckSchema
      .prefault({})
      .describe('How long an invoice is asked for again, to catch what Microsoft restates.'),
    tolerance: toleranceSchema
      .prefault({})
      .describe(
        'How much a check of an invoice lets pass, by check and currency; it never changes a figure.',
      ),
    retention: retentionSchema.optional().describe('How long history is kept; without it for ever.'),
    schedule: scheduleSchema.optional().describe('When `partner-billing schedule` runs sync.'),
    notify: notifySchema
      .optional()
      .describe('Whom to tell when a run published something or ended in another way than the one before.'),
  })
  .describe('Configuration of partner-billing-connector.');

/** A checked configuration: defaults filled in, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
/** Where the data comes from. */
export type SourceConfig = Config['source'];
/** How to sign in. */
export type AuthConfig = SourceConfig['auth'];
/** Where the data goes. */
export type DestinationConfig = Config['destination'];
/** The DuckDB form of {@link DestinationConfig}. */
export type DuckdbConfig = Extract<DestinationConfig, { type: 'duckdb' }>;
/** The Postgres form of {@link DestinationConfig}. */
export type PostgresConfig = Extract<DestinationConfig, { type: 'postgres' }>;
/** Bounds on what a run may use or accept. */
export type LimitsConfig = Config['limits'];
/** How long an invoice is asked for again. */
export type RecheckConfig = Config['recheck'];
/** When `partner-billing schedule` runs. */
export type ScheduleConfig = NonNullable<Config['schedule']>;
/** Whom to tell about a run. */
export type NotifyConfig = NonNullable<Config['notify']>;
