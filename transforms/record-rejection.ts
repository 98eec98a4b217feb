/**
 * A line that cannot become a record: it is kept as a rejected record and counted. Raised and caught within
 * `transforms`; it is no error of the run, because one rejected record ends nothing.
 */
export class RecordRejection extends Error {
  override readonly name = 'RecordRejection';
  /** The field that failed, as the source spells it; null where the line as a whole is wrong. */
  readonly field: string | null;
  /** Why, in one short sentence that carries no customer data. */
  readonly reason: string;

  constructor(field: string | null, reason: string) {
    // A blob of junk makes millions of these, and looking at the stack takes twenty times as long as all the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
    this.field = field;
    this.reason = reason;
  }
}
