import { ConfigError, EXIT_CODES } from '../../schemas/errors.js';
import { scopeLabel, scopeText, type Scope } from '../../schemas/scope.js';
import { STREAM_NAMES } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import { compareHoldings, readHoldings, type ScopeHolding } from '../compare-datasets.js';
import type { LoadedConfig } from '../config.js';
import type { DestinationSession, RecordedState } from '../load/destination.js';
import { nearest } from '../nearest.js';
import { namedScope } from '../plan-requests.js';
import { verifyScope, type ScopeVerdict } from '../verify-scope.js';
import { comparisonText, verifyText, type DatasetVerdict, type StrayVerdict } from '../verify-text.js';
import { verifyArchive } from './verify-archive.js';
import { withSession } from './with-destination.js';

/** Options of `partner-billing verify`. */
export interface VerifyOptions {
  /** Another configuration, whose destination is compared with this one's. */
  readonly against?: string;
  /** Folder of an archive: its packages are loaded again, and compared with the destination. */
  readonly fromArchive?: string;
  readonly json?: boolean;
}

/**
 * `partner-billing verify [scope...]`: compares what is published, as the tables are now, with the proof that was kept
 * when it was published; with `--against` two destinations with each other. Changes nothing.
 * @param named scopes as `status` prints them, with or without their stream; none means all
 * @returns 6 where anything differs
 * @throws ConfigError when a name is that of no recorded scope
 */
export async function verify(
  context: CommandContext,
  named: readonly string[],
  options: VerifyOptions,
): Promise<number> {
  if (options.fromArchive !== undefined) return await verifyArchive(context, options.fromArchive, options);
  const loaded = await context.loadConfig();
  if (options.against !== undefined) return await against(context, loaded, named, options.against, options);
  const verdict = await withSession(context, loaded, 'read', async (session, destination) => {
    const scopes = chosen([await session.readState()], named);
    const verdicts: ScopeVerdict[] = [];
    for (const scope of scopes) verdicts.push(await verifyScope(session, scope, context.io.signal));
    const strayRows = named.length > 0 || scopes.length === 0 ? [] : await strayRowsOf(session);
    return verdictOf(destination.label, verdicts, strayRows);
  });
  if (options.json === true) await context.printJson(verdict);
  else await context.print(verifyText(verdict));
  return verdict.differing > 0 || verdict.strayRows.length > 0 ? EXIT_CODES.integrity : 0;
}

async function against(
  context: CommandContext,
  loaded: LoadedConfig,
  named: readonly string[],
  other: string,
  options: VerifyOptions,
): Promise<number> {
  const otherLoaded = await context.loadConfig(other);
  // One after the other: they may be one file, and neither is held longer than it is read.
  const states = [await readRecordedState(context, loaded), await readRecordedState(context, otherLoaded)];
  const scopes = chosen(states, named);
  const here = await holdingsOf(context, loaded, scopes);
  const there = await holdingsOf(context, otherLoaded, scopes);
  const compared = compareHoldings(scopes, here.holdings, there.holdings);
  const comparison = { here: here.label, there: there.label, scopes: compared };
  if (options.json === true) await context.printJson(comparison);
  else await context.print(comparisonText(comparison));
  return compared.some(({ outcome }) => outcome !== 'same') ? EXIT_CODES.integrity : 0;
}

function readRecordedState(context: CommandContext, loaded: LoadedConfig): Promise<RecordedState> {
  return withSession(context, loaded, 'read', (session) => session.readState());
}

function holdingsOf(
  context: CommandContext,
  loaded: LoadedConfig,
  scopes: readonly Scope[],
): Promise<{ readonly label: string; readonly holdings: ReadonlyMap<string, ScopeHolding> }> {
  return withSession(context, loaded, 'read', async (session, { label }) => ({
    label,
    holdings: await readHoldings(session, scopes, context.io.signal),
  }));
}

/** The recorded scopes that are named, or all that anything is published of, in their order. */
function chosen(states: readonly RecordedState[], named: readonly string[]): readonly Scope[] {
  const recorded = states.flatMap((state) => state.scopes);
  if (named.length === 0) {
    return eachOnce(recorded.filter(({ snapshot }) => snapshot !== null).map(({ scope }) => scope));
  }
  const known = recorded.map(({ scope }) => scope);
  const found = named.flatMap((text) => {
    const { stream, scope: wanted } = namedScope(text);
    const meant = known.filter(
      (scope) => scopeText(scope) === wanted && (stream === null || stream === scope.stream),
    );
    if (meant.length === 0) throw unknownScope(text, known.map(scopeText));
    return meant;
  });
  return eachOnce(found);
}

function eachOnce(scopes: readonly Scope[]): readonly Scope[] {
  const byLabel = [...new Map(scopes.map((scope) => [scopeLabel(scope), scope]))];
  return byLabel.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, scope]) => scope);
}

function unknownScope(text: string, known: readonly string[]): ConfigError {
  const near = nearest(namedScope(text).scope, known);
  return new ConfigError({
    message: `verify: ${text} is no scope that was ever asked for${near === null ? '' : `; did you mean ${near}?`}`,
    hint: 'name a scope as `status` prints it, with or without its stream: billed_usage:G016907411, 2026-11-USD',
  });
}

/** Looked for only where anything was ever published: the tables are there then. */
async function strayRowsOf(session: DestinationSession): Promise<readonly StrayVerdict[]> {
  const found: StrayVerdict[] = [];
  for (const stream of STREAM_NAMES) {
    const stray = await session.readStrayRows(stream);
    if (stray.rows > 0) found.push({ stream, ...stray });
  }
  return found;
}

function verdictOf(
  destination: string,
  scopes: readonly ScopeVerdict[],
  strayRows: readonly StrayVerdict[],
): DatasetVerdict {
  const count = (outcome: ScopeVerdict['outcome']): number =>
    scopes.filter((scope) => scope.outcome === outcome).length;
  return {
    destination,
    proven: count('proven'),
    differing: count('differs'),
    notChecked: count('not checked'),
    scopes,
    strayRows,
  };
}
