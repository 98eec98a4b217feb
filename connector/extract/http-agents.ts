import { readFileSync } from 'node:fs';
import http, { type ClientRequest } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isLoopback } from '../../schemas/config.js';
import { ConfigError } from '../../schemas/errors.js';

/** Milliseconds after which a connection that nobody uses is closed. */
const IDLE_CONNECTION_MS = 15_000;
/** The address at which Azure gives tokens to its own machines; never behind a proxy. */
const INSTANCE_METADATA_HOST = '169.254.169.254';

/** What connections are made with: `source.proxy` and `source.ca_file` of the configuration. */
export interface ConnectionSettings {
  readonly proxy?: string | undefined;
  /** Path of a PEM file with certificate authorities that are trusted besides Node's own. */
  readonly caFile?: string | undefined;
}

/** The one place that decides how a connection is made, for all three HTTP stacks (got, storage, identity). */
export interface HttpAgents {
  /**
   * The agent for an address: through the configured proxy, or direct where none is configured and always for
   * loopback. The proxy variables of the environment are never used.
   */
  for(address: string | URL): http.Agent;
  /** Closes idle connections. */
  close(): void;
}

/** Opens the agents. @throws ConfigError when the file of certificate authorities cannot be read. */
export function openAgents(settings: ConnectionSettings): HttpAgents {
  const ca =
    settings.caFile === undefined ? undefined : [...rootCertificates, readAuthorities(settings.caFile)];
  const options = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
  const plain = new http.Agent(options);
  const direct = new https.Agent({ ...options, ...(ca === undefined ? {} : { ca }) });
  const tunnel = settings.proxy === undefined ? null : new TunnelAgent(settings.proxy, ca);
  return {
    for(address) {
      const { protocol, hostname } = new URL(address);
      if (protocol === 'http:') return plain;
      return tunnel === null || isLoopback(hostname) || hostname === INSTANCE_METADATA_HOST ? direct : tunnel;
    },
    close() {
      for (const agent of [plain, direct, tunnel]) agent?.destroy();
    },
  };
}

/**
 * The HTTP client for `@azure/identity`: whatever its policies have chosen (they obey `HTTPS_PROXY` by themselves),
 * a request leaves through our agents, and waits for an answer at most `timeoutMs`.
 */
export function identityHttpClient(agents: HttpAgents, timeoutMs: number): HttpClient {
  const client = createDefaultHttpClient();
  return {
    async sendRequest(request) {
      request.agent = agents.for(request.url);
      if (request.timeout === 0) request.timeout = timeoutMs;
      return await client.sendRequest(request);
    },
  };
}

/** Tunnels through the proxy, and trusts the configured authorities at the other end too, which its base does not. */
class TunnelAgent extends HttpsProxyAgent<string> {
  readonly #ca: readonly string[] | undefined;

  constructor(proxy: string, ca: readonly string[] | undefined) {
    super(proxy, {
      keepAlive: true,
      timeout: IDLE_CONNECTION_MS,
      ...(ca === undefined ? {} : { ca: [...ca] }),
    });
    this.#ca = ca;
  }

  override async connect(
    request: ClientRequest,
    options: Parameters<HttpsProxyAgent<string>['connect']>[1],
  ): Promise<Socket> {
    if (this.#ca === undefined || !options.secureEndpoint) return await super.connect(request, options);
    return await super.connect(request, { ...options, ca: [...this.#ca] });
  }
}

function readAuthorities(path: string): string {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError({
      message: `source.ca_file: ${path} cannot be read`,
      hint: 'name a PEM file that this user may read',
      facts: { path },
      cause: error,
    });
  }
  if (content.includes('-----BEGIN CERTIFICATE-----')) return content;
  throw new ConfigError({
    message: `source.ca_file: ${path} holds no certificate in PEM form`,
    hint: 'it must hold -----BEGIN CERTIFICATE----- blocks; convert a DER file with `openssl x509 -inform der`',
    facts: { path },
  });
}
