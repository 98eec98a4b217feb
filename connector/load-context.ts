import type { Config } from '../schemas/config.js';
import type { Report } from '../schemas/progress.js';
import type { Scope } from '../schemas/scope.js';
import type { AttributeSet } from '../schemas/streams.js';
import type { Clock } from './clock.js';
import type { LoadPackage } from './load-package.js';
import type { DestinationSession } from './load/destination.js';

/** A whole package on its way into the destination. */
export interface PackageToLoad {
  readonly scope: Scope;
  readonly package: LoadPackage;
  readonly billingMonthFrom: string | null;
  /** Publish it though it is empty and replaces rows: a person named the scope. */
  readonly allowEmpty: boolean;
  /** Publish it though its eTag is published, and put right what was changed by hand; absent: no. */
  readonly reload?: boolean;
  /** It is a copy of an archived package, which is not archived again; absent: no. */
  readonly isCopy?: boolean;
}

/** What a load works with. */
export interface LoadContext {
  readonly config: Config;
  /** Name of the destination, as refused packages note it. */
  readonly destinationLabel: string;
  readonly report: Report;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly runId: string;
  readonly connectorVersion: string;
  /** Folder of published packages; null where none are kept. */
  readonly archive: string | null;
  /** Root of the spool: an archived package keeps its path below it. */
  readonly spool: string;
  /**
   * Opens the destination for one load: waits up to `lock_wait` for a file that somebody holds, but only once a run.
   * @throws LockedError
   */
  openForLoad(): Promise<DestinationSession>;
  /** A new id for one attempt to publish. */
  newLoadId(): string;
}

/** A scope that Graph has no data of, and a person said so by name. */
export interface EmptyScope {
  readonly scope: Scope;
  readonly attributeSet: AttributeSet;
  /** Stands in for the eTag: Graph gives none with code 5000. */
  readonly answer: string;
  readonly billingMonth: string | null;
  /** See {@link PackageToLoad}. */
  readonly reload: boolean;
}
