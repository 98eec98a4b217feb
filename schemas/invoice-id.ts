/** What an invoice id may look like; Microsoft documents no fixed length (api-contract.md 1.3). */
export const INVOICE_ID = /^[A-Za-z0-9-]{2,40}$/;
