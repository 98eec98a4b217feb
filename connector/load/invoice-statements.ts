import { canonicalDecimal } from '../../schemas/decimal-text.js';
import type { InvoiceStatement } from '../../schemas/invoice-statement.js';
import type { SqlConnection, SqlTransaction, TextRow } from './destination.js';
import { countOf, isoInstant, sqlInstant } from './publishing.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** Adds a statement under an id that no other has; what was stated before stays. */
export async function keepStatement(
  connection: SqlConnection,
  dataset: string,
  id: string,
  stated: InvoiceStatement,
): Promise<void> {
  await connection.transaction(async (transaction) => {
    await transaction.run(sql(transaction, dataset, 'keep statement'), [
      ...[id, stated.invoice, stated.currency, canonicalDecimal(stated.preTax), canonicalDecimal(stated.tax)],
      ...[stated.statedBy, sqlInstant(stated.statedAt)],
    ]);
  });
}

/** What was stated last of each invoice, by its number; nothing where the dataset is older than statements are. */
export async function readStatements(
  connection: SqlConnection,
  dataset: string,
): Promise<readonly InvoiceStatement[]> {
  return await connection.transaction(async (transaction) => {
    const [found] = await transaction.rows(sql(transaction, dataset, 'has statements'), [dataset]);
    if (countOf(found?.['records']) === 0) return [];
    return (await transaction.rows(sql(transaction, dataset, 'statements'))).map(statementOf);
  });
}

function statementOf(row: TextRow): InvoiceStatement {
  return {
    invoice: row['invoice_number'] ?? '',
    currency: row['currency'] ?? '',
    preTax: canonicalDecimal(row['pre_tax'] ?? ''),
    tax: canonicalDecimal(row['tax'] ?? ''),
    statedBy: row['stated_by'] ?? '',
    statedAt: isoInstant(row['stated_at']) ?? '',
  };
}

function sql(transaction: SqlTransaction, dataset: string, name: string): SqlText {
  const fills = name === 'has statements' ? {} : { dataset: identifier(dataset) };
  return statement(transaction.dialect, 'statements', name, fills);
}
