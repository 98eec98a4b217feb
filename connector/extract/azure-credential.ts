import type { TokenCredential } from '@azure/identity';
import type { AuthConfig, SourceConfig } from '../../schemas/config.js';
import { identityHttpClient, type HttpAgents } from './http-agents.js';

const REQUEST_TIMEOUT_MS = 30_000;
/** The classes' own retries are kept short: the service client tries a sign-in that failed for a time again. */
const BRIEF_RETRY = { maxRetries: 1, retryDelayInMs: 500 };

/** A way to sign in that `@azure/identity` has a class for. */
export type AzureAuth = Exclude<AuthConfig, { readonly method: 'static_token' }>;

/** How the classes reach the network and the disk. */
export interface AzureAccess {
  readonly agents: HttpAgents;
  /** Makes a path of the configuration absolute. */
  readonly resolve: (path: string) => string;
}

/**
 * The credential of `@azure/identity` for a way to sign in, not used yet. The library is loaded here and nowhere else:
 * with what it needs it is 250 modules, which whoever holds a token does without.
 * @throws what the class says of options that it cannot take
 */
export async function azureCredential(
  source: SourceConfig,
  auth: AzureAuth,
  access: AzureAccess,
): Promise<TokenCredential> {
  const identity = await import('@azure/identity');
  const { tenant_id: tenantId } = source;
  const client = clientOptions(source, access);
  const brief = { ...client, retryOptions: BRIEF_RETRY };
  const clientId = 'client_id' in auth && auth.client_id !== undefined ? { clientId: auth.client_id } : {};
  switch (auth.method) {
    case 'client_secret':
      return new identity.ClientSecretCredential(tenantId, auth.client_id, auth.client_secret, brief);
    case 'client_certificate': {
      const password = auth.certificate_password;
      const certificate = {
        certificatePath: access.resolve(auth.certificate_file),
        ...(password === undefined ? {} : { certificatePassword: password }),
      };
      return new identity.ClientCertificateCredential(tenantId, auth.client_id, certificate, brief);
    }
    case 'managed_identity':
      return new identity.ManagedIdentityCredential({ ...client, ...clientId });
    case 'workload_identity': {
      const file = auth.token_file === undefined ? {} : { tokenFilePath: access.resolve(auth.token_file) };
      return new identity.WorkloadIdentityCredential({ ...brief, tenantId, ...clientId, ...file });
    }
    case 'azure_cli':
      return new identity.AzureCliCredential({ tenantId });
    case 'default':
      return new identity.DefaultAzureCredential({ ...client, tenantId });
  }
}

/** Options that all classes share. Each gets a copy of its own, since some of them write into it. */
function clientOptions({ authority_host: authorityHost }: SourceConfig, { agents }: AzureAccess) {
  return {
    httpClient: identityHttpClient(agents, REQUEST_TIMEOUT_MS),
    redirectOptions: { maxRetries: 0 },
    ...(authorityHost === undefined ? {} : { authorityHost, disableInstanceDiscovery: true }),
  };
}
