import { DatabaseError } from 'pg';
import {
  ConfigError,
  ConnectorError,
  SystemError,
  TransientError,
  type ErrorDetail,
} from '../../../schemas/errors.js';

type Kind = new (detail: ErrorDetail) => ConnectorError;

const CHECK_RIGHTS =
  'grant the missing right to the user of destination.url; partner-billing check names every right that is missing';

/** What the server says of a missing right, and the statement that gives it; `$1` is the table, schema or database. */
const GRANTS: readonly (readonly [RegExp, string])[] = [
  [
    /^permission denied for (?:table|relation) (\S+)/,
    'GRANT SELECT, INSERT, UPDATE, DELETE ON $1 TO the user',
  ],
  [/^permission denied for schema (\S+)/, 'GRANT USAGE, CREATE ON SCHEMA $1 TO the user'],
  [
    /^permission denied to create temporary tables in database (\S+)/,
    'GRANT TEMPORARY ON DATABASE $1 TO the user',
  ],
  [/^permission denied for database (\S+)/, 'GRANT CREATE ON DATABASE $1 TO the user'],
  [
    /^must be owner of \w+ (\S+)/,
    'ALTER TABLE $1 OWNER TO the user, or let its owner run partner-billing migrate',
  ],
];

/** SQLSTATEs, or their first two letters, with what they mean to us. The longest that fits decides. */
const STATES: Readonly<Record<string, readonly [Kind, string]>> = {
  '0A': [ConfigError, 'the server does not do this; mend the statement'],
  '08': [TransientError, 'the connection was lost; run again'],
  '22': [SystemError, 'a value did not fit its column; this is a defect of the connector'],
  '23': [
    SystemError,
    'a constraint refused a row; look for constraints that were added to the table by hand',
  ],
  '25006': [
    ConfigError,
    'the server is a replica: use the primary server; or default_transaction_read_only is on for this user, database or server, as managed servers set it when their disk is full: have it turned off',
  ],
  '25P03': [TransientError, 'the server ended an idle transaction; run again'],
  '28': [ConfigError, 'check user and password in destination.url, and pg_hba.conf'],
  '3D000': [ConfigError, 'create the database, or name another in destination.url'],
  '3F000': [ConfigError, 'run partner-billing migrate'],
  '40': [TransientError, 'the transaction met another one; run again'],
  '42': [ConfigError, 'mend the statement; tables of ours are made by partner-billing migrate'],
  '42501': [ConfigError, CHECK_RIGHTS],
  '42703': [
    ConfigError,
    'the table lacks a column: run partner-billing migrate, or undo what was changed by hand',
  ],
  '42P01': [ConfigError, 'run partner-billing migrate; in a query, check the name'],
  '42P04': [TransientError, 'somebody else made it at the same moment; run again'],
  '42P06': [TransientError, 'somebody else made it at the same moment; run again'],
  '42P07': [TransientError, 'somebody else made it at the same moment; run again'],
  '53': [TransientError, 'the server is out of disk, memory or connections; free some and run again'],
  '53100': [
    ConfigError,
    "free space on the server's disk, or give it more: a load needs about twice its snapshot, in the tablespace of the tables and in that of temporary tables (temp_tablespaces); what was downloaded is kept",
  ],
  '55P03': [TransientError, 'somebody holds a lock on a table of ours; end that transaction and run again'],
  '57014': [TransientError, 'the statement was cancelled; run again'],
  '57P': [TransientError, 'the server is restarting or ended the connection; run again'],
  '58': [TransientError, 'the server met an error of its disk or system; see its log'],
};

/** Codes of Node's network and TLS errors. */
const TRANSIENT_CODES =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOENT|ERR_STREAM_\w+)$/;
const TLS_CODES = /CERT|SSL|TLS|UNABLE_TO_(VERIFY|GET)/;
/** After a backend ended, the errors of pg have no code. */
const LOST_CONNECTION =
  /connection terminated|connection error and is not queryable|timeout exceeded when trying to connect|connection timeout|client was closed/i;

/**
 * An error of Postgres, of the network or of the driver as one of ours; ours stay as they are. Values of records
 * are not repeated: detail and context of the server's message are left out, quoted values too.
 * @param place what was talked to, without a password
 */
export function postgresError(error: unknown, place: string): ConnectorError {
  if (error instanceof ConnectorError) return error;
  if (error instanceof DatabaseError) return serverError(error, place);
  const code = codeOf(error);
  const message = messageOf(error);
  if (TRANSIENT_CODES.test(code) || LOST_CONNECTION.test(message)) {
    return new TransientError({
      message: `${place}: ${message}`,
      hint: 'check that the server runs and can be reached from here; then run again',
      facts: { code },
      cause: error,
    });
  }
  if (code === 'ENOTFOUND' || TLS_CODES.test(code) || /\bSSL\b|SASL|password/i.test(message)) {
    return new ConfigError({
      message: `${place}: ${message}`,
      hint: 'check host, user, password and sslmode in destination.url',
      facts: { code },
      cause: error,
    });
  }
  return new SystemError({
    message: `${place}: ${message}`,
    hint: 'this is a defect of the connector; report it with the lines above',
    facts: { code },
    cause: error,
  });
}

/** The same for a statement that a person wrote: what the server refuses in it is theirs to mend. */
export function queryError(error: unknown, place: string): ConnectorError {
  const ours = postgresError(error, place);
  if (!(ours instanceof SystemError) || !(error instanceof DatabaseError)) return ours;
  return new ConfigError({
    message: `${place}: ${error.message} (SQLSTATE ${error.code ?? ''})`,
    hint: 'mend the statement',
    facts: { sqlstate: error.code },
  });
}

function serverError(error: DatabaseError, place: string): ConnectorError {
  const state = error.code ?? '';
  const [kind, hint] = STATES[state] ??
    STATES[state.slice(0, 3)] ??
    STATES[state.slice(0, 2)] ?? [
      SystemError,
      'see the server log; if it is no fault of the server, this is a defect of the connector',
    ];
  const showsValues = state.startsWith('22') || state.startsWith('23');
  const text = showsValues ? error.message.replace(/"[^"]*"?/g, '"…"') : error.message;
  return new kind({
    message: `${place}: ${text} (SQLSTATE ${state})`,
    hint: state === '42501' ? rightsHint(error.message) : hint,
    facts: { sqlstate: state, table: error.table, column: error.column, constraint: error.constraint },
  });
}

/** The grant by name where the server speaks English, and where to see all that is missing. */
function rightsHint(message: string): string {
  for (const [said, grant] of GRANTS) {
    const [, object] = said.exec(message) ?? [];
    if (object !== undefined) return `${grant.replace('$1', object)}; ${CHECK_RIGHTS}`;
  }
  return CHECK_RIGHTS;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

function messageOf(error: unknown): string {
  // Where a name has several addresses, Node collects one error for each and leaves its own message empty.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
