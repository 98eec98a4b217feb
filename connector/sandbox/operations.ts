import { randomUUID } from 'node:crypto';
import type { DataVersion } from './data-version.js';
import type { FaultSwitch } from './fault-switch.js';

/** Data that is handed out by an id; with `etag-changes` another version takes its place. */
export interface Served {
  version: DataVersion;
  /** How often it was handed out. */
  reads: number;
}

/** An export under way or done. */
export interface Operation {
  readonly id: string;
  readonly createdAt: Date;
  /** Null where the export can only fail: nothing is known of what was asked for. */
  readonly served: Served | null;
  /** What was asked for, for the message of a failure. */
  readonly asked: string;
  /** How often it was answered that it is not done yet. */
  polls: number;
}

/** The state of an operation as its status says. */
export type OperationState = 'notStarted' | 'running' | 'succeeded' | 'failed' | 'skipped';

/** The operations and manifests that were made; they are kept until the sandbox closes. */
export class Operations {
  readonly #operations = new Map<string, Operation>();
  readonly #manifests = new Map<string, Served>();

  /** A new operation for a version of the data, or for something that is not there. */
  create(version: DataVersion | null, asked: string, createdAt: Date): Operation {
    const served = version === null ? null : { version, reads: 0 };
    const operation: Operation = { id: randomUUID(), createdAt, served, asked, polls: 0 };
    this.#operations.set(operation.id, operation);
    return operation;
  }

  /** The operation of that id. */
  operation(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  /** Makes a version's manifest readable by its id. */
  offerManifest(version: DataVersion): void {
    if (!this.#manifests.has(version.manifestId))
      this.#manifests.set(version.manifestId, { version, reads: 0 });
  }

  /** What a manifest's id stands for. */
  manifest(id: string): Served | undefined {
    return this.#manifests.get(id);
  }
}

const TYPES: Readonly<Record<OperationState, string>> = {
  notStarted: 'runningOperation',
  running: 'runningOperation',
  succeeded: 'exportSuccessOperation',
  failed: 'failedOperation',
  skipped: 'failedOperation',
};

/** The members that every operation has (api-contract.md 2.2), spelled as the faults ask for. */
export function operationBody(
  origin: string,
  operation: Operation,
  state: OperationState,
  now: Date,
  faults: FaultSwitch,
): Record<string, unknown> {
  const malformed = faults.fires('poll-malformed-dates');
  const body: Record<string, unknown> = {
    '@odata.context': `${origin}/v1.0/$metadata#reports/partners/billing/operations/$entity`,
    '@odata.type': `#microsoft.graph.partners.billing.${TYPES[state]}`,
    id: operation.id,
    status: spelled(state, faults),
    createdDateTime: malformed ? '2023-13-45T99:12' : operation.createdAt.toISOString().slice(0, 19),
    lastActionDateTime: malformed ? 'soon' : now.toISOString().replace('Z', '6691Z'),
  };
  if (faults.fires('poll-no-type')) delete body['@odata.type'];
  return body;
}

function spelled(state: OperationState, faults: FaultSwitch): string {
  const word = state === 'succeeded' && faults.fires('status-completed') ? 'completed' : state;
  if (faults.fires('status-pascal-case')) return word.charAt(0).toUpperCase() + word.slice(1);
  return faults.fires('status-lower-case') ? word.toLowerCase() : word;
}
