import { z } from 'zod';
import { guidSchema, isLoopback, textLike, textOf, webAddress } from './config-values.js';

const clientId = textOf("the application's client id, a GUID").describe(
  'Client id of the app registration in the partner tenant.',
);
const method = <Name extends string>(name: Name) =>
  z.literal(name).describe('How to sign in to Microsoft Entra ID.');

const authSchema = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: method('client_secret'),
      client_id: clientId,
      client_secret: textOf('the secret of the app registration').describe(
        'Secret of the app registration; fill it in with ${env:NAME} or ${file:path}.',
      ),
    }),
    z.strictObject({
      method: method('client_certificate'),
      client_id: clientId,
      certificate_file: textOf('the path of a PEM file with certificate and private key').describe(
        'PEM file with certificate and private key, relative to this file.',
      ),
      certificate_password: textOf('the password of the private key')
        .optional()
        .describe('Password of the private key, where it has one.'),
    }),
    z.strictObject({
      method: method('managed_identity'),
      client_id: clientId
        .optional()
        .describe('Client id of a user-assigned identity; none: system-assigned.'),
    }),
    z.strictObject({
      method: method('workload_identity'),
      client_id: clientId.optional().describe('Client id; none: AZURE_CLIENT_ID of the environment.'),
      token_file: textOf('the path of the federated token file')
        .optional()
        .describe('Federated token file; none: AZURE_FEDERATED_TOKEN_FILE of the environment.'),
    }),
    z.strictObject({ method: method('azure_cli') }),
    z.strictObject({ method: method('default') }),
    z.strictObject({
      method: method('static_token'),
      token: textOf('a bearer token for Graph').describe(
        'A bearer token that you already hold; it is sent as it is and cannot be renewed.',
      ),
      partner_center_token: textOf('a bearer token for Partner Center')
        .optional()
        .describe(
          'The same for Partner Center, whose audience is another one; needed only for its invoice list.',
        ),
    }),
  ])
  .describe('How to sign in to Microsoft Entra ID; `method` says which of the other keys are needed.');

const SERVICE_ADDRESS =
  'an https:// address without credentials or query (http:// only for a loopback host: 127.0.0.1, localhost, [::1])';
const serviceUrlSchema = webAddress(/^https?$/, SERVICE_ADDRESS)
  .refine(isServiceAddress, SERVICE_ADDRESS)
  .transform((address) => address.replace(/\/+$/, ''));

function isServiceAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(address);
  return (protocol === 'https:' || isLoopback(hostname)) && `${username}${password}${search}${hash}` === '';
}

const storageHostSchema = textLike(
  /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/,
  'a host name, *.host.name or host:port, without https://',
).transform((host) => host.toLowerCase());

/** `source` of `connector.yaml`: where the data comes from and how to sign in. */
export const sourceSchema = z.strictObject({
  graph_url: serviceUrlSchema
    .prefault('https://graph.microsoft.com/v1.0')
    .describe('Base address of Microsoft Graph. Partner billing exists in the global cloud only.'),
  partner_center_url: serviceUrlSchema
    .prefault('https://api.partnercenter.microsoft.com/v1')
    .describe('Base address of Partner Center, which has the list of invoices (invoices: discover).'),
  tenant_id: guidSchema.describe('The partner tenant (a GUID). A dataset belongs to one partner tenant.'),
  auth: authSchema,
  storage_hosts: z
    .array(storageHostSchema, 'a list of host names')
    .min(1, 'a list of at least one host name')
    .prefault(['*.blob.core.windows.net'])
    .describe('Hosts that blobs may be read from; any other is refused before a request is sent.'),
  authority_host: webAddress(/^https$/, 'an https:// address')
    .optional()
    .describe('Address of the sign-in service; none: https://login.microsoftonline.com.'),
  proxy: webAddress(/^https?$/, 'an http:// or https:// address')
    .optional()
    .describe(
      'Proxy for every request; none: no proxy, whatever the environment says. Loopback is never proxied.',
    ),
  ca_file: textOf('the path of a PEM file')
    .optional()
    .describe('PEM file of certificate authorities to trust besides the usual ones, relative to this file.'),
});
