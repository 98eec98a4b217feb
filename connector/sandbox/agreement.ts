import type { DataScope } from './data-scope.js';
import { centsAsAmount } from './exact-number.js';
import { ReconciliationRows } from './reconciliation-rows.js';
import { rowsOfPart } from './restatement.js';
import type { SandboxData } from './sandbox-data.js';
import { billedAmount, UsageRows } from './usage-rows.js';

interface Group {
  difference: bigint;
  lines: bigint;
}

/**
 * Whether an invoice's usage and the lines that charge it agree: in each group of subscription, product, SKU and
 * availability the sums differ by no more than a cent for each line (api-contract.md 8.5 and 8.6).
 */
export function usageAgrees(data: SandboxData, usage: DataScope, lines: DataScope): boolean {
  const groups = new Map<string, Group>();
  const add = (key: string, amount: bigint, count: bigint): void => {
    const group = groups.get(key) ?? { difference: 0n, lines: 0n };
    group.difference += amount;
    group.lines += count;
    groups.set(key, group);
  };
  const usageRows = data.source({ scope: usage, attributeSet: 'full' });
  const lineRows = data.source({ scope: lines, attributeSet: 'full' });
  if (!(usageRows instanceof UsageRows) || !(lineRows instanceof ReconciliationRows)) return false;
  for (const [row, revision] of rowsOfPart(usageRows, data.restatement(usage), 0, 1)) {
    const { series, price, quantity } = usageRows.row(row, revision);
    const { productId, skuId, availabilityId } = series.meter;
    add(`${series.plan.id} ${productId} ${skuId} ${availabilityId}`, billedAmount(price, quantity), 0n);
  }
  for (const [row, revision] of rowsOfPart(lineRows, data.restatement(lines), 0, 1)) {
    const charge = lineRows.charge(row, revision);
    if (charge.meterDescription === undefined) continue;
    const { subscriptionId, productId, skuId, availabilityId, subtotal } = charge;
    add(`${subscriptionId} ${productId} ${skuId} ${availabilityId}`, -subtotal, 1n);
  }
  return [...groups.values()].every(({ difference, lines: count }) => {
    const size = difference < 0n ? -difference : difference;
    return size <= centsAsAmount(count);
  });
}
