import type { ProgressEvent } from '../schemas/progress.js';
import { scopeLabel } from '../schemas/scope.js';

/** How far one running scope is. Times are milliseconds of a clock that never jumps. */
export interface ScopeProgress {
  readonly label: string;
  readonly startedAt: number;
  /** `whole`: all blobs are on disk and wait to be loaded. */
  readonly phase: 'planned' | 'export' | 'download' | 'whole' | 'load';
  /** When the phase began. */
  readonly phaseAt: number;
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
  return 'scope' in event && event.scope !== undefined ? scopeLabel(event.scope) : WHOLE_RUN;
}

/**
 * The state after an event. A scope leaves it when it is finished; the run as a whole is in it only while it waits.
 * Pure.
 */
export function afterEvent(state: ProgressState, event: ProgressEvent, now: number): ProgressState {
  const label = labelOf(event);
  if (event.event === 'warning') return state;
  if (event.event === 'run.started' || event.event === 'run.finished') return NO_PROGRESS;
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
    phaseAt: now,
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

type ScopeEvent = Exclude<ProgressEvent, { event: 'warning' | 'run.started' | 'run.finished' }>;

function advanced(before: ScopeProgress, event: ScopeEvent, now: number): ScopeProgress {
  const after = changed(before, event, now);
  return after.phase === before.phase ? after : { ...after, phaseAt: now };
}

function changed(before: ScopeProgress, event: ScopeEvent, now: number): ScopeProgress {
  const rest: ScopeProgress = { ...before, waitUntil: null, retrying: null, holder: null };
  switch (event.event) {
    case 'export.requested':
    case 'export.resumed':
      return { ...rest, phase: 'export' };
    case 'export.polled': {
      const waitUntil = event.waitMs > 0 ? now + event.waitMs : null;
      return { ...rest, phase: 'export', status: event.status, waitUntil };
    }
    case 'manifest.read':
      return downloading({
        ...rest,
        blobs: event.blobs,
        blobsWhole: event.blobsOnDisk ?? 0,
        bytes: new Map(),
      });
    case 'blob.bytes':
      return downloading({ ...rest, bytes: new Map([...rest.bytes, [event.blob, event.bytes]]) });
    case 'blob.whole': {
      const bytes = new Map([...rest.bytes, [event.blob, event.bytes]]);
      return downloading({ ...rest, bytes, blobsWhole: rest.blobsWhole + 1 });
    }
    case 'retried':
      return { ...before, retrying: event.what, waitUntil: now + event.waitMs };
    case 'load.started':
      return { ...rest, phase: 'load', phaseAt: now, blobs: event.blobs, records: 0, blobsLoaded: 0 };
    case 'load.records':
      return { ...rest, phase: 'load', records: event.records, blobsLoaded: event.blobsDone };
    case 'load.waiting':
      return { ...rest, holder: event.holder };
    case 'scope.started':
    case 'scope.finished':
      return before;
  }
}

function downloading(scope: ScopeProgress): ScopeProgress {
  return { ...scope, phase: scope.blobs > 0 && scope.blobsWhole >= scope.blobs ? 'whole' : 'download' };
}
