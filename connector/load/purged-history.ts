import type { StreamName } from '../../schemas/streams.js';

/** Rows of history that were removed from one billed table; at least one. */
export interface PurgedHistory {
  readonly stream: StreamName;
  readonly rows: number;
}
