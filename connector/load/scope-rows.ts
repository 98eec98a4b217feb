import { billingMonth, publishSql, type Publishing } from './publishing.js';

/**
 * Notes in the temporary table `scope` which rows of the target belong to the scope: `{{in_scope}}` reads it. For an
 * invoice these are the rows of its own number and of all that are given.
 */
export async function createScope(publishing: Publishing, invoiceNumbers: Iterable<string>): Promise<void> {
  const { transaction, request } = publishing;
  const { scope } = request;
  const add = publishSql(publishing, `add to scope by ${scope.by}`);
  await transaction.run(publishSql(publishing, `create scope by ${scope.by}`));
  if (scope.by === 'month') {
    await transaction.run(add, [billingMonth(request), scope.currency.toUpperCase()]);
  } else {
    for (const invoice of new Set([scope.invoice, ...invoiceNumbers])) await transaction.run(add, [invoice]);
  }
  await transaction.run(publishSql(publishing, 'analyze scope'));
}
