/** The kind of a document in Partner Center's invoice list: words in lower case joined by `_`, null where not told. */
export interface DocumentKind {
  readonly documentType: string | null;
  readonly status: string | null;
}

/** Whether Graph may have data of a document: modern ones begin with `G` (api-contract.md section 11.2). */
export function isExportable(invoice: string): boolean {
  return invoice.startsWith('G');
}

/** Whether it corrects another document (`credit_note`, `adjustment_note`, `void_note`), so may have no data of its own. */
export function isNote({ documentType }: DocumentKind): boolean {
  return documentType !== null && documentType.endsWith('note');
}

/** Whether it was declared void. Its data may be gone, or stay. */
export function isVoid({ status }: DocumentKind): boolean {
  return status !== null && status.startsWith('void');
}
