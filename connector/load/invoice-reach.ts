/** What of a recorded document decides whether a reading would name it. */
export interface DatedDocument {
  readonly amendsOf: string | null;
  /** Text that begins with `yyyy-mm`. */
  readonly invoiceDate: string | null;
}

/**
 * Whether a reading of the invoice list since a month (`2025-01`; null: all) would name a recorded document: the list
 * holds amendments under what they amend. Pure.
 */
export function isInReach(
  invoice: string,
  recorded: ReadonlyMap<string, DatedDocument>,
  since: string | null,
): boolean {
  if (since === null) return true;
  const seen = new Set<string>();
  let top = invoice;
  for (;;) {
    seen.add(top);
    const above = recorded.get(top)?.amendsOf ?? null;
    if (above === null || !recorded.has(above) || seen.has(above)) break;
    top = above;
  }
  const date = recorded.get(top)?.invoiceDate ?? null;
  return date !== null && date.slice(0, 7) >= since;
}
