import { graphErrorSchema } from '../../schemas/graph.js';
import type { Service, ServiceErrorBody } from './service.js';

/** The permission that everything at Graph needs (api-contract.md 1.5). */
export const NEEDED_PERMISSION = 'PartnerBilling.Read.All';

/** Graph at `source.graph_url` (api-contract.md 1.2, 9.2, 9.3). */
export function graphService(url: string): Service {
  return {
    name: 'Graph',
    url,
    setting: 'source.graph_url',
    headers: {},
    ownIdHeader: 'client-request-id',
    keepsOwnId: false,
    correlationHeader: null,
    requestIdHeader: 'request-id',
    errorOf: graphErrorOf,
    hints: {
      missing: `${NEEDED_PERMISSION} is missing or the tenant is not permitted`,
      400: 'look at the invoice id, the period and the currency that were asked for',
      401: `the token must be for Graph, of tenant source.tenant_id, with ${NEEDED_PERMISSION}; run \`partner-billing check\``,
      403:
        `in Entra, partner tenant: App registrations > API permissions > Microsoft Graph > ${NEEDED_PERMISSION}, ` +
        'then grant admin consent; the API exists in the global cloud only and for direct-bill partners and indirect providers',
      404: 'look at source.graph_url (normally https://graph.microsoft.com/v1.0) and at what was asked for',
      other: 'Graph will not do this; ask Microsoft support with the request id',
      byCode: {},
    },
  };
}

function graphErrorOf(body: unknown): ServiceErrorBody {
  if (typeof body !== 'object' || body === null || !('error' in body)) return { code: '', message: '' };
  const parsed = graphErrorSchema.safeParse(body.error);
  return parsed.success ? parsed.data : { code: '', message: '' };
}
