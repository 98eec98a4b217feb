import type { Tolerance } from '../../schemas/config-tolerance.js';
import type { ConnectorError } from '../../schemas/errors.js';
import type { RecordedState } from './recorded-state.js';

/** What publishing the read copy came to. A copy that could not be published is no failure of the load. */
export type ReadCopyOutcome =
  | { readonly published: true; readonly path: string; readonly bytes: number }
  /** The earlier copy, if there is one, is still there and is older than the data; `error` says why and what to do. */
  | { readonly published: false; readonly path: string; readonly error: ConnectorError };

/** A copy of the destination for analysts to keep open (`destination.read_copy`). Only DuckDB needs one. */
export interface ReadCopy {
  /** Absolute. */
  readonly path: string;
  /**
   * Puts a copy of the destination as it is now in the place of the earlier one, in one step: whoever has the earlier
   * one open goes on reading that, whoever opens it afterwards finds the new one. To be called by a run that holds the
   * lock, with no session open. Never throws.
   */
  publish(): Promise<ReadCopyOutcome>;
  /**
   * Why the copy is not what `state`, the destination's recorded state, says; null when it holds the same data, has all
   * migrations, and its checks go by these tolerances. Found out by reading the copy itself, so no forgotten note can make an old copy pass for a new one.
   * When scopes were asked for and which runs there were does not matter. Never throws.
   */
  lag(state: RecordedState, tolerances: readonly Tolerance[]): Promise<string | null>;
}
