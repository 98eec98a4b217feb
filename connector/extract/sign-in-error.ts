import type { SourceConfig } from '../../schemas/config.js';
import { ConfigError, ConnectorError, TransientError } from '../../schemas/errors.js';
import { causeOf } from './error-cause.js';
import { BY_HAND } from './partner-center-service.js';

/** AADSTS numbers that pass by themselves (dependencies.md section 4; Entra's list of error codes). */
const TRANSIENT_NUMBERS: ReadonlySet<number> = new Set([
  50033, // a retryable error of the sign-in service
  90006, // a retryable error of another service
  90012, // time ran out
  90024, // too much asked at once
  90033, // the directory is unavailable
  90055, // the tenant is throttled
]);

/** What to do about the AADSTS numbers that people meet most. */
const HINTS: Readonly<Record<number, string>> = {
  7000215: "source.auth.client_secret is wrong; give the secret's value, not its id",
  7000222:
    'the client secret has expired; make a new one in Entra (App registrations, Certificates & secrets)',
  700016:
    'source.auth.client_id names no app of this tenant; compare it and source.tenant_id with the registration',
  90002: "source.tenant_id names no tenant; it is the partner tenant's directory id",
  900023: "source.tenant_id is no tenant; it is the partner tenant's directory id",
  700027: 'the certificate is not registered with the app; upload it in Entra (Certificates & secrets)',
  700024: "the assertion is not valid now: this machine's clock is wrong, or the federated token is old",
  50027: "the assertion is not valid; look at the certificate and at this machine's clock",
  7000112: 'the app is disabled in this tenant; enable it in Entra (Enterprise applications)',
  70021: 'no federated credential of the app matches this workload; compare issuer, subject and audience',
  700211: 'no federated credential of the app has this issuer',
  700213: 'no federated credential of the app has this subject',
  53003: 'a conditional access policy blocks this sign-in',
  65001: 'an administrator must consent: grant PartnerBilling.Read.All in Entra (API permissions)',
  500011: 'the resource is unknown in this tenant; source.graph_url must be of the global cloud',
  50034: 'the account does not exist in this tenant',
  50076: 'the account needs multi-factor authentication; use an application instead of a person',
};

/** The same where the token is for Partner Center. */
const PARTNER_CENTER_HINTS: Readonly<Record<number, string>> = {
  65001: `an administrator must consent: add Partner Center to the app's API permissions in Entra, ${BY_HAND}`,
  500011: `Partner Center is unknown in this tenant, which must be the partner tenant, ${BY_HAND}`,
};

const PASSING =
  /server_error|endpoints_resolution|openid_config|network_error|post_request_failed|temporarily|timed? ?out|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE/i;

/**
 * Turns what `@azure/identity` throws into an error of ours: by AADSTS number where there is one, else by what the
 * message says; what is not known to pass by itself needs a person. The original is kept as cause, without secrets.
 */
export function signInError(
  error: unknown,
  source: SourceConfig,
  audience: 'Graph' | 'Partner Center' = 'Graph',
): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const text = messagesOf(error);
  const number = aadstsNumber(text);
  const method = source.auth.method;
  const facts = { method, aadsts: number, tenant: source.tenant_id };
  const cause = causeOf(error);
  const what = audience === 'Graph' ? 'sign-in' : `sign-in for ${audience}`;
  const message = `${what} (${method}) failed: ${firstLine(text)}`;
  if (number !== null) {
    if (TRANSIENT_NUMBERS.has(number)) {
      return new TransientError({
        message,
        hint: 'Entra says that this passes; the next run tries again',
        facts,
        cause,
      });
    }
    const own = audience === 'Graph' ? undefined : PARTNER_CENTER_HINTS[number];
    const hint = own ?? HINTS[number] ?? otherHint(method);
    return new ConfigError({ message, hint, facts, cause });
  }
  if (!isChain(error) && PASSING.test(text)) {
    const authority = source.authority_host ?? 'https://login.microsoftonline.com';
    return new TransientError({
      message,
      hint: `${authority} did not answer properly; look at the network, source.proxy and source.ca_file (an unknown certificate authority looks the same)`,
      facts,
      cause,
    });
  }
  return new ConfigError({ message, hint: otherHint(method), facts, cause });
}

/** The AADSTS number in a message, or null. Of several the first that needs a person. */
export function aadstsNumber(text: string): number | null {
  const numbers = [...text.matchAll(/AADSTS(\d{3,9})/g)].map(([, digits = '']) =>
    Number.parseInt(digits, 10),
  );
  return numbers.find((number) => !TRANSIENT_NUMBERS.has(number)) ?? numbers[0] ?? null;
}

function otherHint(method: SourceConfig['auth']['method']): string {
  switch (method) {
    case 'client_secret':
      return 'compare source.tenant_id, auth.client_id and auth.client_secret with the app registration in Entra';
    case 'client_certificate':
      return 'auth.certificate_file must be a readable PEM file with the certificate and its private key, registered with the app';
    case 'managed_identity':
      return 'this machine must have a managed identity; for a user-assigned one set auth.client_id';
    case 'workload_identity':
      return 'set auth.client_id and auth.token_file, or AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE';
    case 'azure_cli':
      return 'install the Azure CLI and run `az login --tenant` with the partner tenant';
    case 'default':
      return 'no credential of the default chain works here; name one in source.auth.method';
    case 'static_token':
      return 'auth.token must be a valid Graph token';
  }
}

function isChain(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors);
}

function messagesOf(error: unknown): string {
  const own = error instanceof Error ? error.message : String(error);
  if (!isChain(error)) return own;
  const { errors } = error as { readonly errors: readonly unknown[] };
  return [own, ...errors.map((one) => (one instanceof Error ? one.message : String(one)))].join('\n');
}

function firstLine(text: string): string {
  const line = text
    .split('\n')
    .map((one) => one.trim())
    .find((one) => one !== '');
  return (line ?? 'no reason given').slice(0, 300);
}
