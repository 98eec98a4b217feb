import type { AccessToken, TokenCredential } from '@azure/identity';
import { isLoopback, type AuthConfig, type SourceConfig } from '../../schemas/config.js';
import { ConfigError, TransientError } from '../../schemas/errors.js';
import type { Clock } from '../clock.js';
import { tokenClaims } from './access-token.js';
import { azureCredential } from './azure-credential.js';
import type { HttpAgents } from './http-agents.js';
import { BY_HAND } from './partner-center-service.js';
import { signInError } from './sign-in-error.js';

const SIGN_IN_TIMEOUT_MS = 120_000;
/** A token is asked for anew when it has less than this to live. */
const RENEW_BEFORE_MS = 300_000;

/** Whom a token is for. A token for one is refused by the other (api-contract.md 1.6, 11.1). */
export type Audience = 'Graph' | 'Partner Center';

const ORIGINS: Readonly<Record<Audience, string>> = {
  Graph: 'https://graph.microsoft.com',
  'Partner Center': 'https://api.partnercenter.microsoft.com',
};

/** What signing in needs. */
export interface SignInOptions {
  readonly source: SourceConfig;
  /** Graph by default. */
  readonly audience?: Audience;
  readonly agents: HttpAgents;
  readonly clock: Clock;
  /** Makes a path of the configuration absolute. */
  readonly resolve?: (path: string) => string;
  /** Used instead of what the configuration names. */
  readonly credential?: TokenCredential;
}

/** Signs in as the configuration says: one credential an audience for a whole run. */
export interface SignIn {
  /**
   * A bearer token for the audience.
   * @throws ConfigError when a person must act, TransientError when it may work later.
   */
  token(signal?: AbortSignal): Promise<string>;
  /**
   * A token in place of one that was refused; asked for once, however many callers were refused with the
   * same token. A static token is what it is and comes back unchanged.
   */
  renewed(refused: string, signal?: AbortSignal): Promise<string>;
}

/** The scope that a token is asked for: the origin of the service's address; a loopback double stands in for the real one. */
export function tokenScope(audience: Audience, url: string): string {
  const { origin, hostname } = new URL(url);
  return `${isLoopback(hostname) ? ORIGINS[audience] : origin}/.default`;
}

/** Prepares to sign in; nothing is sent before the first token is asked for. */
export function openSignIn(options: SignInOptions): SignIn {
  const { source, audience = 'Graph' } = options;
  const scope = tokenScope(audience, audience === 'Graph' ? source.graph_url : source.partner_center_url);
  let credential: TokenCredential | null = options.credential ?? null;
  let newest: string | null = null;
  let renewal: Promise<string> | null = null;

  const ask = async (signal: AbortSignal | undefined): Promise<string> => {
    try {
      credential ??= await createCredential(options);
      const token = await inTime(credential.getToken(scope, {}), signal);
      if (token === null) throw new Error('the credential gave no token');
      newest = token.token;
      return token.token;
    } catch (error) {
      signal?.throwIfAborted();
      throw signInError(error, source, audience);
    }
  };
  return {
    token: ask,
    async renewed(refused, signal) {
      if (newest !== null && newest !== refused) return newest;
      renewal ??= (async () => {
        // The classes keep their tokens until these expire and know no way to forget one: a new instance does.
        credential = options.credential ?? null;
        return await ask(signal);
      })().finally(() => {
        renewal = null;
      });
      return await renewal;
    },
  };
}

async function createCredential(options: SignInOptions): Promise<TokenCredential> {
  const { source, clock } = options;
  const { auth } = source;
  if (auth.method === 'static_token')
    return staticToken(options.audience === 'Partner Center' ? partnerCenterToken(auth) : auth.token);
  const { resolve = (path: string) => path, agents } = options;
  const credential = await azureCredential(source, auth, { agents, resolve });
  const keepsNone = auth.method === 'azure_cli' || auth.method === 'default';
  return keepsNone ? held(credential, clock) : credential;
}

/**
 * Keeps the token of a credential that keeps none itself: the Azure CLI is a process of its own for each token.
 */
function held(credential: TokenCredential, clock: Clock): TokenCredential {
  let token: AccessToken | null = null;
  return {
    async getToken(scopes, options) {
      if (token !== null && token.expiresOnTimestamp - RENEW_BEFORE_MS > clock.now().getTime()) return token;
      token = await credential.getToken(scopes, options);
      return token;
    },
  };
}

function partnerCenterToken(auth: Extract<AuthConfig, { method: 'static_token' }>): string {
  if (auth.partner_center_token !== undefined) return auth.partner_center_token;
  throw new ConfigError({
    message:
      "Partner Center's invoice list needs a token of its own, and source.auth.partner_center_token is not set",
    hint: `set it, ${BY_HAND}`,
  });
}

function staticToken(token: string): TokenCredential {
  const expiresAt = tokenClaims(token)?.expiresAt ?? null;
  return {
    getToken: () =>
      Promise.resolve({ token, expiresOnTimestamp: expiresAt?.getTime() ?? Number.MAX_SAFE_INTEGER }),
  };
}

/** The classes may wait for ever, and some ignore an abort signal. */
async function inTime<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const limit = AbortSignal.timeout(SIGN_IN_TIMEOUT_MS);
  const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  let listener = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    listener = () => {
      reject(limit.aborted ? timedOut() : (both.reason as Error));
    };
    both.addEventListener('abort', listener, { once: true });
    if (both.aborted) listener();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    both.removeEventListener('abort', listener);
  }
}

function timedOut(): TransientError {
  return new TransientError({
    message: `sign-in gave no answer within ${SIGN_IN_TIMEOUT_MS / 1000} s`,
    hint: 'look at the network, source.proxy and source.authority_host; the next run goes on',
  });
}
