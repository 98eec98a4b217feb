import type { ProgressEvent } from '../schemas/progress.js';
import { scopeLabel } from '../schemas/scope.js';

/** How far one running scope is. Times are milliseconds of a clock that never jumps. */
export interface ScopeProgress {
  readonly label: string;
  readonly startedAt: number;
  readonly phase: 'planned' | 'export' | 'download' | 'load';
  /** Graph's word for the operation, as it came. */
  readonly status: string | null;
  /** When something that is waited for is tried again. */
  readonly waitUntil: number | null;
  /** What is being retried. */
  readonly retrying: string | null;
  /** Who holds what the load waits for. */
  readonly holder: string | null;
  readonly blobs: number;
  readonly blobsWhole: number;
  /** Bytes of each blob so far: reports of one blob count up. */
  readonly bytes: ReadonlyMap<string, number>;
  readonly records: number;
  readonly blobsLoaded: number;
}

/** The running scopes by label, in the order in which they began. */
export type ProgressState = ReadonlyMap<string, ScopeProgress>;

/** Nothing runs. */
export const NO_PROGRESS: ProgressState = new Map();

/** The label of what belongs to no scope: waiting for a lock, signing in. */
export const WHOLE_RUN = 'run';

/** The label under which an event counts. */
export function labelOf(event: ProgressEvent): string {
  return event.scope === undefined ? WHOLE_RUN : scopeLabel(event.scope);
}

/**
 * The state after an event. A scope leaves it when it is finished; the run as a whole is in it only while it waits.
 * Pure.
 */
export function afterEvent(state: ProgressState, event: ProgressEvent, now: number): ProgressState {
  const label = labelOf(event);
  if (event.event === 'warning') return state;
  const over = event.event === 'scope.finished' ? label : WHOLE_RUN;
  const before = state.get(label) ?? begun(label, now);
  const others = [...state].filter(([known]) => known !== over);
  return event.event === 'scope.finished'
    ? new Map(others)
    : new Map([...others, [label, advanced(before, event, now)]]);
}

function begun(label: string, now: number): ScopeProgress {
  return {
    label,
    startedAt: now,
    phase: 'planned',
    status: null,
    waitUntil: null,
    retrying: null,
    holder: null,
    blobs: 0,
    blobsWhole: 0,
    bytes: new Map(),
    records: 0,
    blobsLoaded: 0,
  };
}

function advanced(before: ScopeProgress, event: ProgressEvent, now: number): ScopeProgress {
  const rest: ScopeProgress = { ...before, waitUntil: null, retrying: null, holder: null };
  switch (event.event) {
    case 'export.requested':
    case 'export.resumed':
      return { ...rest, phase: 'export' };
    case 'export.polled':
      return {
        ...rest,
        phase: 'export',
        status: event.status,
        waitUntil: event.waitMs > 0 ? now + event.waitMs : null,
      };
    case 'manifest.read':
      return { ...rest, phase: 'download', blobs: event.blobs };
    case 'blob.bytes':
      return { ...rest, phase: 'download', bytes: new Map([...rest.bytes, [event.blob, event.bytes]]) };
    case 'blob.whole': {
      const bytes = new Map([...rest.bytes, [event.blob, event.bytes]]);
      return { ...rest, phase: 'download', bytes, blobsWhole: rest.blobsWhole + 1 };
    }
    case 'retried':
      return { ...before, retrying: event.what, waitUntil: now + event.waitMs };
    case 'load.started':
      return { ...rest, phase: 'load', blobs: event.blobs, records: 0, blobsLoaded: 0 };
    case 'load.records':
      return { ...rest, phase: 'load', records: event.records, blobsLoaded: event.blobsDone };
    case 'load.waiting':
      return { ...rest, holder: event.holder };
    case 'scope.started':
    case 'scope.finished':
    case 'warning':
      return before;
  }
}
