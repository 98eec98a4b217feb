import type { ProgressEvent } from '../schemas/progress.js';
import { labelOf } from './progress-state.js';

/** The ids under which a line of the log can be found again, on our side and on Microsoft's. */
export interface ProgressIds {
  readonly runId?: string;
  readonly operationId?: string;
  readonly loadId?: string;
  /** Graph's id of the newest answer about the scope. */
  readonly requestId?: string;
}

/** The ids that earlier events told: of the run, and by label of each scope. */
export interface KnownIds {
  readonly run: ProgressIds;
  readonly scopes: ReadonlyMap<string, ProgressIds>;
}

/** No event has told anything yet. */
export const NO_IDS: KnownIds = { run: {}, scopes: new Map() };

/**
 * The ids of an event, its own and those that earlier events of the same run and scope have told, and what is known
 * after it. A run's id is known until the next one begins, a scope's ids until it is finished. Pure.
 */
export function idsAfter(
  known: KnownIds,
  event: ProgressEvent,
): { readonly known: KnownIds; readonly ids: ProgressIds } {
  if (event.event === 'run.started' || event.event === 'run.finished') {
    const run = { runId: event.runId };
    return { known: { run, scopes: new Map() }, ids: run };
  }
  const label = labelOf(event);
  const before = event.event === 'scope.started' ? {} : (known.scopes.get(label) ?? {});
  const own = { ...before, ...idsIn(event) };
  const others = [...known.scopes].filter(([other]) => other !== label);
  const scopes = new Map(event.event === 'scope.finished' ? others : [...others, [label, own]]);
  return { known: { run: known.run, scopes }, ids: { ...known.run, ...own } };
}

function idsIn(event: ProgressEvent): ProgressIds {
  return {
    ...('operationId' in event ? { operationId: event.operationId } : {}),
    ...('loadId' in event ? { loadId: event.loadId } : {}),
    ...('requestId' in event ? { requestId: event.requestId } : {}),
  };
}
