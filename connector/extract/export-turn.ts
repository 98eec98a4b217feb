/**
 * The operation or its manifest is gone, failed, or opens no blobs any more: a new export is needed. Not an error
 * of the run: the extractor asks anew, a bounded number of times.
 */
export class ExportGone extends Error {
  /** Whether to wait before asking anew: after a failure, not after 404 and 410. */
  readonly afterPause: boolean;
  /** Graph's request id of the answer that said so. */
  readonly requestId: string | null;

  constructor(
    message: string,
    details: { readonly afterPause?: boolean; readonly requestId?: string | null } = {},
  ) {
    super(message);
    this.name = 'ExportGone';
    this.afterPause = details.afterPause ?? false;
    this.requestId = details.requestId ?? null;
  }
}

/** The manifest, read again, is of other data: what was downloaded of the old is dropped and never mixed with it. */
export class DataChanged extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataChanged';
  }
}
