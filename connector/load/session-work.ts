import { closeMonths } from './close-months.js';
import type { DestinationOptions, DestinationSession, SqlConnection } from './destination.js';
import { recordInvoiceList } from './invoice-list.js';
import { keepStatement, readStatements } from './invoice-statements.js';
import { migrate, pendingMigrations } from './migrate.js';
import { publish } from './publish.js';
import { purgeHistory } from './purge-history.js';
import { readScope, readStrayRows } from './read-scope.js';
import { keepSignOff } from './sign-offs.js';
import { readProof } from './stored-proof.js';
import { keepTolerances } from './tolerances.js';
import { readState, recordAnswers, recordNextChecks, recordRefusal, recordRun } from './records.js';

/** What an open session does, over a connection of either dialect; closing is the dialect's own. */
export function sessionWork(
  connection: SqlConnection,
  dataset: string,
  options: DestinationOptions,
): Omit<DestinationSession, 'close'> {
  const { clock, report, connectorVersion } = options;
  return {
    pendingMigrations: () => pendingMigrations(connection, dataset),
    migrate: () => migrate(connection, { dataset, connectorVersion, now: clock.now() }),
    readState: () => readState(connection, dataset),
    publish: (request, parts) =>
      publish(connection, { dataset, report, sleep: (ms) => clock.sleep(ms) }, request, parts),
    readProof: (scope) => connection.reading((reading) => readProof(reading, dataset, scope)),
    readScope: (scope, use) => connection.reading((reading) => readScope(reading, dataset, scope, use)),
    readStrayRows: (stream) => connection.reading((reading) => readStrayRows(reading, dataset, stream)),
    readDataset: (use) => connection.reading((reading) => use({ reading, dataset })),
    keepSignOff: (signOff) => keepSignOff(connection, dataset, signOff),
    recordAnswers: (answers) => recordAnswers(connection, dataset, answers),
    recordInvoiceList: (reading) => recordInvoiceList(connection, dataset, reading),
    keepStatement: (id, stated) => keepStatement(connection, dataset, id, stated),
    readStatements: () => readStatements(connection, dataset),
    closeMonths: (now) => connection.transaction((transaction) => closeMonths(transaction, dataset, now)),
    recordNextChecks: (checks) => recordNextChecks(connection, dataset, checks),
    recordRefusal: (request, reason, kind) => recordRefusal(connection, dataset, request, reason, kind),
    recordRun: (run) => recordRun(connection, dataset, run),
    keepTolerances: (tolerances) => keepTolerances(connection, dataset, tolerances),
    purgeHistory: (before) => purgeHistory(connection, dataset, before, clock.now()),
  };
}
