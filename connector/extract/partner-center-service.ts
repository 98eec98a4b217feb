import { partnerCenterErrorSchema } from '../../schemas/partner-center.js';
import type { Service, ServiceErrorBody } from './service.js';

/** The way that needs no right at Partner Center. */
export const BY_HAND = 'or list ids by hand instead (invoices: [G...]), which needs no Partner Center';

const SETUP =
  'register the app in Partner Center (Settings > Account settings > App management), in the partner tenant, ' +
  'and give a person who signs in a billing role';

/** Partner Center at `source.partner_center_url` (api-contract.md 9.4, 11). */
export function partnerCenterService(url: string): Service {
  return {
    name: 'Partner Center',
    url,
    setting: 'source.partner_center_url',
    headers: { 'ms-contract-version': 'v1', 'x-locale': 'en-US' },
    ownIdHeader: 'ms-requestid',
    keepsOwnId: true,
    correlationHeader: 'ms-correlationid',
    requestIdHeader: 'ms-requestid',
    errorOf: partnerCenterErrorOf,
    hints: {
      missing: 'the right to read invoices at Partner Center is missing',
      400: `leave out \`since\`, which is asked for as a filter, ${BY_HAND}`,
      401: `the token must be for Partner Center, which is not Graph's: ${SETUP}; ${BY_HAND}`,
      403: `${SETUP}; ${BY_HAND}`,
      404: `look at source.partner_center_url (normally https://api.partnercenter.microsoft.com/v1), ${BY_HAND}`,
      other: `Partner Center will not do this; ask Microsoft support with the ids, ${BY_HAND}`,
      byCode: {
        900329: `Partner Center takes no token of an app alone here: sign in as a person with a billing role (azure_cli), ${BY_HAND}`,
        900309: `a conditional access policy blocks this sign-in: have it permitted in Entra, ${BY_HAND}`,
        900420: `the token is for another audience than Partner Center: ${SETUP}; ${BY_HAND}`,
      },
    },
  };
}

function partnerCenterErrorOf(body: unknown): ServiceErrorBody {
  const parsed = partnerCenterErrorSchema.safeParse(body);
  return parsed.success ? parsed.data : { code: '', message: '' };
}
