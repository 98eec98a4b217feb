import type { Config } from '../schemas/config.js';
import { keyText } from './config-problem.js';
import type { ConfigTree } from './config-tree.js';

/** Keys whose whole value is secret, and keys of addresses that may carry a password. */
const SECRET_KEYS = [
  'source.auth.client_secret',
  'source.auth.certificate_password',
  'source.auth.token',
  'source.auth.partner_center_token',
  'notify.webhook_url',
];
const ADDRESS_KEYS = [
  'destination.url',
  'source.proxy',
  'source.graph_url',
  'source.partner_center_url',
  'source.authority_host',
];

/** Whether the value of a key is never to be quoted in a message. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEYS.includes(key) || ADDRESS_KEYS.includes(key);
}

/** Variables that the drivers and the sign-in classes read by themselves. */
const SECRET_VARIABLES = [
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'AZURE_PASSWORD',
  'PGPASSWORD',
];

/**
 * Every secret value of a configuration, passwords in addresses included as written and as decoded, and those of
 * the environment that are used without being named in it.
 */
export function secretsOf(config: Config, env: NodeJS.ProcessEnv): string[] {
  const { auth, proxy } = config.source;
  const secrets = SECRET_VARIABLES.map((name) => env[name]);
  if (auth.method === 'client_secret') secrets.push(auth.client_secret);
  if (auth.method === 'client_certificate') secrets.push(auth.certificate_password);
  if (auth.method === 'static_token') secrets.push(auth.token, auth.partner_center_token);
  secrets.push(config.notify?.webhook_url);
  if (proxy !== undefined) secrets.push(...passwordsIn(proxy));
  if (config.destination.type === 'postgres') secrets.push(...passwordsIn(config.destination.url));
  return [...new Set(secrets.filter((secret): secret is string => secret !== undefined && secret !== ''))];
}

/** Keys whose secret is written in the file itself rather than filled in, as printed. */
export function secretsWrittenIn(tree: ConfigTree): string[] {
  const literal = (text: string | null | undefined) =>
    text !== null && text !== undefined && text !== '' && !/(^|[^$])\$\{/.test(text);
  const written = (key: string) => tree.nodes.get(key)?.written;
  const secrets = SECRET_KEYS.filter((key) => literal(written(key)));
  const addresses = ADDRESS_KEYS.filter((key) => passwordsIn(written(key) ?? '').some(literal));
  return [...secrets, ...addresses].map((key) => keyText(key.split('.')));
}

/** Passwords in an address: of `user:password@` (greedy to the last `@`) and of the query. */
export function passwordsIn(address: string): string[] {
  const [, userInfo = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)@/i.exec(address) ?? [];
  const inUser = userInfo.includes(':') ? [userInfo.slice(userInfo.indexOf(':') + 1)] : [];
  const inQuery = [...address.matchAll(/[?&](?:password|sslpassword)=([^&#]*)/gi)].map(
    (match) => match[1] ?? '',
  );
  return [...inUser, ...inQuery]
    .filter((password) => password !== '')
    .flatMap((password) => [...new Set([password, decoded(password)])]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
