import type { StreamName } from '../schemas/streams.js';

/** What the caller named by hand; empty lists mean everything that is configured. */
export interface Selection {
  readonly streams: readonly StreamName[];
  /** Invoice ids; they select the billed streams, and need not be in the configuration. */
  readonly invoices: readonly string[];
  /** Scopes, each `SCOPE` or `STREAM:SCOPE`, of which an empty answer is published. */
  readonly allowEmpty: readonly string[];
  /** Only these scopes (`stream scope`), whose refused load packages are parsed again; nothing else is asked for. */
  readonly refused?: readonly string[] | undefined;
  /**
   * Only these scopes, each `SCOPE` or `STREAM:SCOPE`: what is published of them is published anew, and what was changed
   * by hand put right; nothing else is asked for.
   */
  readonly reload?: readonly string[] | undefined;
  /** Only what the invoice list names for these billing months, both ends inclusive, and is not published yet. */
  readonly months?: { readonly from: string; readonly to: string } | undefined;
}

/** The selection of everything that is configured. */
export const EVERYTHING: Selection = { streams: [], invoices: [], allowEmpty: [] };
