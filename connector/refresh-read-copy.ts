import type { Tolerance } from '../schemas/config-tolerance.js';
import type { ReadCopy } from './load/read-copy.js';
import type { RecordedState } from './load/destination.js';
import { errorSummary, type ReadCopySummary } from './run-summary.js';

/**
 * Publishes the read copy where it does not hold what is recorded: after a run that changed anything, and when an
 * earlier run could not. To be called with no session open. Never throws.
 */
export async function refreshReadCopy(
  readCopy: ReadCopy | null,
  state: RecordedState,
  tolerances: readonly Tolerance[],
): Promise<ReadCopySummary | null> {
  if (readCopy === null) return null;
  const { path } = readCopy;
  if ((await readCopy.lag(state, tolerances)) === null) return { outcome: 'current', exitCode: 0, path };
  const done = await readCopy.publish();
  if (done.published) return { outcome: 'published', exitCode: 0, path };
  return { outcome: 'failed', exitCode: done.error.exitCode, path, error: errorSummary(done.error) };
}
