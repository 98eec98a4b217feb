import type { Report } from '../schemas/progress.js';
import { applyDeferred } from './apply-deferred.js';
import type { Clock } from './clock.js';
import { deferWrites, pendingWrites, recordPending, type DeferredWrites } from './deferred-writes.js';
import type { DestinationSession, RecordedState } from './load/destination.js';
import { recallState, rememberState } from './remembered-state.js';

/** What the spool keeps for a run whose destination somebody holds. */
export interface RunMemory {
  /** What was recorded when a run last looked, without what waits to be recorded; null where that is not known. */
  recall(): Promise<RecordedState | null>;
  remember(state: RecordedState): Promise<void>;
  /** The state with what waits to be recorded. */
  withPending(state: RecordedState): Promise<RecordedState>;
  /** Whether anything waits to be recorded. */
  isWaiting(): Promise<boolean>;
  /** Adds to what waits; durable when it resolves. */
  defer(writes: Partial<DeferredWrites>): Promise<void>;
  /** Records what waits. */
  record(session: DestinationSession): Promise<void>;
}

/** What a memory works with. */
export interface RunMemoryOptions {
  /** The dataset's folder of the spool. */
  readonly folder: string;
  /** The destination's label: what is remembered of one says nothing of another. */
  readonly destination: string;
  readonly clock: Clock;
  readonly report: Report;
}

/** The memory in the spool; what there is but cannot be used is warned of, once. */
export function openMemory({ folder, destination, clock, report }: RunMemoryOptions): RunMemory {
  const warned = new Set<string>();
  const warn = (message: string): void => {
    if (!warned.has(message))
      report({ event: 'warning', message, hint: 'it is made anew; what it held is asked for again' });
    warned.add(message);
  };
  const withPending = async (state: RecordedState): Promise<RecordedState> => {
    const { writes, problem } = await pendingWrites(folder, destination);
    if (problem !== null) warn(problem);
    return applyDeferred(state, writes);
  };
  return {
    recall: async () => {
      const recalled = await recallState(folder, destination);
      if (recalled.kind === 'unusable') warn(recalled.reason);
      return recalled.kind === 'remembered' ? recalled.state : null;
    },
    remember: async (state) => await rememberState(folder, { destination, at: clock.now(), state }),
    withPending,
    isWaiting: async () => (await pendingWrites(folder, destination)).writes.length > 0,
    defer: async (writes) => {
      const at = clock.now().toISOString();
      await deferWrites(folder, destination, { ...NOTHING, at, ...writes });
    },
    record: async (session) => {
      await recordPending(folder, destination, session);
    },
  };
}

/** The memory of a destination that nobody can hold: nothing needs to be kept beside it. */
export const NO_MEMORY: RunMemory = {
  recall: () => Promise.resolve(null),
  remember: () => Promise.resolve(),
  withPending: (state) => Promise.resolve(state),
  isWaiting: () => Promise.resolve(false),
  defer: () => Promise.resolve(),
  record: () => Promise.resolve(),
};

const NOTHING = { readings: [], answers: [], nextChecks: [], runs: [] };
