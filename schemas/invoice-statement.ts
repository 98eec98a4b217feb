/** What a person read in an invoice's PDF (`invoice_statements`). */
export interface InvoiceStatement {
  readonly invoice: string;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Canonical decimal text, as `tax`. */
  readonly preTax: string;
  readonly tax: string;
  readonly statedBy: string;
  /** ISO 8601, UTC. */
  readonly statedAt: string;
}
