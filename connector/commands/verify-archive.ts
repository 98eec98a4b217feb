import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXIT_CODES } from '../../schemas/errors.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import { archiveStock } from '../archive-stock.js';
import type { CommandContext } from '../command-context.js';
import { compareHoldings, readHoldings, type ScopeComparison } from '../compare-datasets.js';
import type { LoadedConfig } from '../config.js';
import { readLedger } from '../proof-ledger.js';
import { EVERYTHING } from '../selection.js';
import { syncFromArchive } from '../sync-archive.js';
import { comparisonText } from '../verify-text.js';
import { withSession } from './with-destination.js';

/** What comparing a destination with an archive found: what `verify --from-archive --json` prints. */
export interface ArchiveVerdict {
  readonly here: string;
  readonly there: string;
  readonly scopes: readonly ScopeComparison[];
  /** What is wrong with the ledger and the packages, each a sentence. */
  readonly problems: readonly string[];
}

/**
 * `verify --from-archive DIR`: checks the ledger's chain, loads the archived packages again into a temporary DuckDB file,
 * and compares what the destination holds of their scopes with that. Changes nothing. Returns 6 where anything differs.
 * @throws ConfigError when the archive holds nothing
 */
export async function verifyArchive(
  context: CommandContext,
  folder: string,
  options: { readonly json?: boolean },
): Promise<number> {
  const loaded = await context.loadConfig();
  const archive = resolve(context.io.cwd, folder);
  const { config } = loaded;
  const { dataset } = config.destination;
  const stock = await archiveStock(archive, { tenantId: config.source.tenant_id, dataset });
  const { problems } = await readLedger(join(archive, stock.tenantId, stock.dataset));
  const byLabel = new Map(stock.packages.map(({ exportRecord: { scope } }) => [scopeLabel(scope), scope]));
  const verdict = await comparedWith(context, loaded, archive, [...byLabel.values()], problems);
  if (options.json === true) await context.printJson(verdict);
  else await context.print([comparisonText(verdict), ...verdict.problems].join('\n'));
  const isSame = verdict.scopes.every(({ outcome }) => outcome === 'same');
  return isSame && verdict.problems.length === 0 ? 0 : EXIT_CODES.integrity;
}

async function comparedWith(
  context: CommandContext,
  loaded: LoadedConfig,
  archive: string,
  scopes: readonly Scope[],
  problems: readonly string[],
): Promise<ArchiveVerdict> {
  const folder = await mkdtemp(join(tmpdir(), 'partner-billing-archive-'));
  try {
    const again = { ...loaded, config: temporaryConfig(loaded, folder) };
    const { clock, signal } = context.io;
    const view = await context.progress();
    const { summary } = await syncFromArchive({
      ...{ loaded: again, archive, clock, signal, selection: EVERYTHING },
      report: view.report.bind(view),
      connectorVersion: context.version,
    }).finally(() => view.stop());
    const failures = summary.scopes.flatMap(({ stream, scope, error }) =>
      error === undefined ? [] : [`${stream} ${scope}: its package cannot be loaded again: ${error.message}`],
    );
    const holdings = (of: LoadedConfig) =>
      withSession(context, of, 'read', async (session, { label }) => ({
        label,
        found: await readHoldings(session, scopes, signal),
      }));
    const here = await holdings(loaded);
    const there = await holdings(again);
    return {
      here: here.label,
      there: `the archive ${archive}`,
      scopes: compareHoldings(scopes, here.found, there.found),
      problems: [...problems, ...failures],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same configuration with a DuckDB file and a spool of its own. */
function temporaryConfig({ config }: LoadedConfig, folder: string): LoadedConfig['config'] {
  const { dataset } = config.destination;
  return {
    ...config,
    archive: undefined,
    destination: {
      ...{ type: 'duckdb', dataset, migrate: 'auto' },
      path: join(folder, 'again.duckdb'),
      memory_limit: config.destination.type === 'duckdb' ? config.destination.memory_limit : 1024 ** 3,
      threads: config.destination.type === 'duckdb' ? config.destination.threads : 2,
    },
    spool: join(folder, 'spool'),
  };
}
