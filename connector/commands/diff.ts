import { ConfigError } from '../../schemas/errors.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { chooseDiff, type AskedSnapshots } from '../diff-choice.js';
import { DiffSum } from '../diff-money.js';
import { diffHead, diffJson, diffRows, diffTable, diffTotalsText, type Diff } from '../diff-output.js';
import type { Destination } from '../load/destination.js';
import { publishedSnapshots, restatedLines, type RestatedScope } from '../load/restated-lines.js';
import { namedScope } from '../plan-requests.js';
import { csvText } from '../query-output-csv.js';
import { tableText } from '../query-output-table.js';
import { writeText } from '../query-output.js';
import { refuseBehind } from './refuse-behind.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing diff`. */
export interface DiffOptions extends AskedSnapshots {
  readonly stream?: StreamName;
  readonly format: 'table' | 'json' | 'csv';
}

/**
 * `partner-billing diff SCOPE`: what Microsoft restated of an invoice between two published snapshots, by default the
 * last two: lines added, removed and changed column by column, and the money moved per currency. What the connector
 * itself reloaded is no restatement. Changes nothing.
 * @throws ConfigError where nothing was published of the scope, a snapshot is not known, or its history was purged
 */
export async function diff(context: CommandContext, named: string, options: DiffOptions): Promise<number> {
  const loaded = await context.loadConfig();
  await withDestination(context, loaded, async (destination) => {
    await refuseOlder(destination);
    const diffs = await diffsOf(context, loaded, destination, named, options);
    const { stdout } = context.io;
    if (options.format === 'json') await writeText(diffJson(diffs), stdout);
    if (options.format === 'csv') await writeText(csvText(diffRows(diffs)), stdout);
    for (const one of diffs) {
      if (options.format === 'json') continue;
      if (options.format === 'table') {
        await context.print(`${diffHead(one)}\n`);
        await writeText(tableText(diffTable(one)), stdout);
        await context.print(`\n${diffTotalsText(one.sum.totals)}\n`);
      } else await context.tell(`${diffHead(one)}\n${diffTotalsText(one.sum.totals)}`);
    }
  });
  return 0;
}

async function diffsOf(
  context: CommandContext,
  { config }: LoadedConfig,
  destination: Destination,
  named: string,
  options: DiffOptions,
): Promise<readonly Diff[]> {
  const { stream: of, scope } = namedScope(named);
  if (/^\d{4}-\d{2}-[A-Z]{3}$/.test(scope)) throw noHistory(named);
  const diffs: Diff[] = [];
  const { dataset } = config.destination;
  let isPublished = false;
  for (const stream of streamsOf(of ?? options.stream)) {
    const place: RestatedScope = { destination, dataset, stream, scope };
    const snapshots = await publishedSnapshots(place);
    if (snapshots.length === 0) continue;
    isPublished = true;
    const choice = chooseDiff(`${stream} ${scope}`, snapshots, options);
    if (choice === null) {
      await context.tell(
        `${stream} ${scope}: only one snapshot was ever published, so there is nothing to compare`,
      );
      continue;
    }
    const lines = async function* () {
      for (const loads of choice.restated) yield* restatedLines(place, loads);
    };
    diffs.push({ stream, scope, choice, sum: new DiffSum(stream), lines });
  }
  if (isPublished) return diffs;
  throw new ConfigError({
    message: `${named}: nothing was ever published of it`,
    hint: 'name an invoice as `partner-billing status` prints it, such as G016907411 or billed_usage:G016907411',
  });
}

function streamsOf(named: string | undefined): readonly StreamName[] {
  const billed = STREAM_NAMES.filter((name) => STREAMS[name].table.scopedBy === 'invoice');
  if (named === undefined) return billed;
  const stream = billed.find((name) => name === named);
  if (stream !== undefined) return [stream];
  throw noHistory(named);
}

function noHistory(named: string): ConfigError {
  return new ConfigError({
    message: `${named} keeps no history: estimates move every day, and only their sums are kept (unbilled_totals)`,
    hint: 'name an invoice, and billed_usage or billed_reconciliation as its stream',
  });
}

async function refuseOlder(destination: Destination): Promise<void> {
  const session = await destination.open('read');
  try {
    await refuseBehind(session);
  } finally {
    await session.close();
  }
}
