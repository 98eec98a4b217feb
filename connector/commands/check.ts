import { checkFolders } from '../check-folders.js';
import { checkPartnerCenter } from '../check-partner-center.js';
import { checkGraph, checkSignIn, checkStorageHosts, type SourceCheck } from '../check-source.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { openAgents } from '../extract/http-agents.js';
import { openSignIn } from '../extract/sign-in.js';
import { checkExitCode, findingsText, tried, type Finding } from '../finding.js';
import type { Destination } from '../load/destination.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing check`. */
export interface CheckOptions {
  readonly json?: boolean;
}

/**
 * `partner-billing check`: tries the configuration, sign-in, Graph, Partner Center's invoice list where
 * it is used, storage hosts, folders and the destination, each
 * on its own, and says what failed, what to do, and what could not be proven. Changes nothing. Returns 2 when
 * something failed, 3 when only what may pass by itself did.
 */
export async function check(context: CommandContext, options: CheckOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const findings = [
    configFinding(loaded),
    ...(await sourceFindings(context, loaded)),
    ...(await tried('spool and archive', () => checkFolders(loaded))),
    ...(await tried('destination', () =>
      withDestination(context, loaded, (destination: Destination) => destination.check()),
    )),
  ];
  const exitCode = checkExitCode(findings);
  if (options.json === true) await context.printJson({ exitCode, findings });
  else await context.print(context.io.secrets.scrub(findingsText(findings)));
  return exitCode;
}

function configFinding(loaded: LoadedConfig): Finding {
  const streams = Object.entries(loaded.config.streams)
    .filter(([, settings]) => settings !== undefined)
    .map(([name]) => name);
  const notes = loaded.warnings.length === 0 ? '' : '; see the warnings above';
  return {
    tried: `configuration ${loaded.path}`,
    result: 'ok',
    detail: `valid: ${streams.join(', ')}${notes}`,
  };
}

async function sourceFindings(context: CommandContext, loaded: LoadedConfig): Promise<Finding[]> {
  const { source } = loaded.config;
  const { clock, signal } = context.io;
  const caFile = source.ca_file === undefined ? undefined : loaded.resolve(source.ca_file);
  return await tried('connections', async () => {
    const agents = openAgents({ proxy: source.proxy, caFile });
    const signIn = openSignIn({ source, agents, clock, resolve: loaded.resolve });
    const parts: SourceCheck = { source, agents, signIn, clock, signal };
    try {
      const signedIn = await tried(`sign-in with ${source.auth.method}`, () => checkSignIn(parts));
      const graph =
        signedIn[0]?.result === 'failed'
          ? [graphNotTried(source.graph_url)]
          : await tried(`Graph at ${source.graph_url}`, () => checkGraph(parts));
      const { config, resolve } = loaded;
      const invoices = await checkPartnerCenter({ config, agents, clock, signal, resolve });
      const storage = await tried('storage hosts', () => checkStorageHosts(parts));
      return [...signedIn, ...graph, ...invoices, ...storage];
    } finally {
      agents.close();
    }
  });
}

function graphNotTried(graphUrl: string): Finding {
  return { tried: `Graph at ${graphUrl}`, result: 'not proven', detail: 'not tried: sign-in failed' };
}
