import { isAbsolute, resolve } from 'node:path';
import type { TokenCredential } from '@azure/identity';
import type { Config } from '../../schemas/config.js';
import type { Report } from '../../schemas/progress.js';
import type { Clock } from '../clock.js';
import { graphService } from './graph-service.js';
import { openAgents, type HttpAgents } from './http-agents.js';
import { partnerCenterService } from './partner-center-service.js';
import { createServiceClient, type ServiceClient } from './service-client.js';
import type { ServiceTimeouts } from './service-request.js';
import { openSignIn, type Audience, type SignIn } from './sign-in.js';

/** What talking to Graph or Partner Center needs. */
export interface ConnectionOptions {
  readonly config: Pick<Config, 'source'>;
  readonly report: Report;
  readonly clock: Clock;
  /** Makes a path of the configuration absolute; by default against the working directory. */
  readonly resolve?: (path: string) => string;
  /** From 0 (inclusive) to 1 (exclusive); `Math.random` by default. */
  readonly random?: () => number;
  /** Used instead of what the configuration names. */
  readonly credential?: TokenCredential;
  /** Used instead of opening some; they stay the caller's to close. */
  readonly agents?: HttpAgents;
  /** How long each phase of a request may take. */
  readonly timeouts?: ServiceTimeouts;
}

/** A signed-in connection to a service. `agents.close()` closes what it keeps open. */
export interface ServiceConnection {
  readonly client: ServiceClient;
  readonly signIn: SignIn;
  readonly agents: HttpAgents;
}

/** Connects to Graph as the configuration says. Nothing is sent yet. @throws ConfigError for an unreadable CA file. */
export function connectGraph(options: ConnectionOptions): ServiceConnection {
  return connect(options, 'Graph');
}

/** Connects to Partner Center likewise, with a sign-in of its own for its own audience. */
export function connectPartnerCenter(options: ConnectionOptions): ServiceConnection {
  return connect(options, 'Partner Center');
}

function connect(options: ConnectionOptions, audience: Audience): ServiceConnection {
  const { clock, report, random = Math.random, credential, timeouts } = options;
  const { source } = options.config;
  const path =
    options.resolve ?? ((relative: string) => (isAbsolute(relative) ? relative : resolve(relative)));
  const caFile = source.ca_file === undefined ? undefined : path(source.ca_file);
  const agents = options.agents ?? openAgents({ proxy: source.proxy, caFile });
  const signIn = openSignIn({
    source,
    audience,
    agents,
    clock,
    resolve: path,
    ...(credential === undefined ? {} : { credential }),
  });
  const service =
    audience === 'Graph' ? graphService(source.graph_url) : partnerCenterService(source.partner_center_url);
  const client = createServiceClient({ service, agents, signIn, clock, random, report, timeouts });
  return { client, signIn, agents };
}
