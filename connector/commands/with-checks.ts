import { configuredTolerances, type Tolerance } from '../../schemas/config-tolerance.js';
import { ConfigError, ConnectorError } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import type { Destination } from '../load/destination.js';
import { tolerancesApart } from '../load/tolerances.js';
import type { ReportedDataset } from '../reconcile/read-report.js';
import { refuseBehind } from './refuse-behind.js';
import { withDestination } from './with-destination.js';

/**
 * Hands one state of the dataset to `use`, whose checks go by the tolerances of the configuration: where others are kept,
 * these are written first. Nothing is written where they are kept already.
 * @param unwritten where they cannot be written (a role that may only read, a DuckDB file that somebody has open): `warn`
 *   names them on standard error and reads on by those that are kept, `refuse` gives up with the reason
 * @throws ConfigError when the destination was not migrated
 */
export async function withChecks<T>(
  context: CommandContext,
  loaded: LoadedConfig,
  unwritten: 'warn' | 'refuse',
  use: (from: ReportedDataset) => Promise<T>,
): Promise<T> {
  return await withDestination(context, loaded, async (destination) => {
    const tolerances = configuredTolerances(loaded.config.tolerance);
    // The destination closes what is open when it is closed itself.
    let session = await destination.open('read');
    await refuseBehind(session);
    let reason: ConnectorError | null = null;
    if ((await session.readDataset((from) => tolerancesApart(from, tolerances))).length > 0) {
      await session.close();
      reason = await write(destination, tolerances, unwritten);
      session = await destination.open('read');
    }
    return await session.readDataset(async (from) => {
      const otherTolerances = await tolerancesApart(from, tolerances);
      if (otherTolerances.length > 0) {
        const error = reason ?? writtenByOthers(otherTolerances);
        if (unwritten === 'refuse') throw error;
        await context.warn(otherTolerancesText(otherTolerances, error));
      }
      return await use({ ...from, label: destination.label, otherTolerances });
    });
  });
}

/** Why they could not be written; null where they were. DuckDB's file is not waited for: what is kept can be read now. */
async function write(
  destination: Destination,
  tolerances: readonly Tolerance[],
  unwritten: 'warn' | 'refuse',
): Promise<ConnectorError | null> {
  try {
    const session = await destination.open('write', unwritten === 'warn' ? { waitMs: 0 } : {});
    await session.keepTolerances(tolerances).finally(() => session.close());
    return null;
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.kind === 'system') throw error;
    return error;
  }
}

function otherTolerancesText(names: readonly string[], { message }: ConnectorError): string {
  return `not the configured tolerance but the one that is kept in the dataset was used: ${names.join(', ')}; it is written by \`migrate\` or \`sync\`, and could not be written now: ${message}`;
}

function writtenByOthers(names: readonly string[]): ConfigError {
  return new ConfigError({
    message: `somebody wrote other tolerances meanwhile (${names.join(', ')})`,
    hint: 'give every configuration of this dataset the same tolerance:, then run again',
  });
}
