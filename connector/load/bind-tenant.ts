import { ConfigError } from '../../schemas/errors.js';
import type { SqlTransaction } from './destination.js';
import { sqlInstant } from './publishing.js';
import { identifier, statement } from './sql-text.js';

/**
 * Binds a dataset to the partner tenant that first writes to it, and holds every later one against it.
 * @throws ConfigError (fact `rule` is `tenant`) when the dataset belongs to another tenant
 */
export async function bindTenant(
  transaction: SqlTransaction,
  dataset: string,
  tenant: { readonly tenantId: string; readonly now: Date; readonly scope?: string },
): Promise<void> {
  const sql = (name: string) =>
    statement(transaction.dialect, 'records', name, { dataset: identifier(dataset) });
  const tenantId = tenant.tenantId.toLowerCase();
  const [bound] = await transaction.rows(sql('tenant'));
  if (bound === undefined) {
    await transaction.run(sql('bind tenant'), [tenantId, sqlInstant(tenant.now)]);
  } else if (bound['tenant_id'] !== tenantId) {
    throw new ConfigError({
      message: `dataset ${dataset} belongs to partner tenant ${bound['tenant_id'] ?? ''}, not to ${tenant.tenantId}`,
      hint: 'give each tenant a dataset of its own (destination.dataset)',
      facts: { rule: 'tenant', dataset, scope: tenant.scope },
    });
  }
}
