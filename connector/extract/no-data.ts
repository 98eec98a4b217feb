import type { Scope } from '../../schemas/scope.js';

/** Graph's code for "no data available" (api-contract.md 2.5, 9.1). */
export const NO_DATA_CODE = '5000';

/** What to do about "no data", which depends on what was asked for (api-contract.md 1.10, 9.1). */
export function noDataHint(scope: Scope): string {
  if (scope.by === 'month') {
    return `no charges in ${scope.currency} for ${scope.month} yet, or ${scope.currency} is no billing currency of this partner; the next run asks again`;
  }
  if (/^D/i.test(scope.invoice)) {
    return 'an id that begins with D is a legacy invoice: this API never has it; take it out of the configuration';
  }
  const what = scope.stream.endsWith('usage') ? 'Azure usage' : 'lines';
  return (
    `a recent invoice appears between the 6th and the 8th of the month after it: try later; ` +
    `one from before September 2022, or without ${what}, never does`
  );
}
