import { asConnectorError } from '../schemas/errors.js';
import type { Run } from './run-context.js';
import { errorSummary, type RetentionSummary } from './run-summary.js';

const DAY_MS = 86_400_000;

/**
 * Purges history older than `retention.history_days`; null where history is kept for ever. Never throws: what could not be
 * purged is told, and tried again by the next run.
 */
export async function keepRetention(
  { loaded, dataset }: Pick<Run, 'loaded' | 'dataset'>,
  now: Date,
): Promise<RetentionSummary | null> {
  const { retention } = loaded.config;
  if (retention === undefined) return null;
  const instant = new Date(now.getTime() - retention.history_days * DAY_MS);
  const before = instant.toISOString();
  try {
    const purged = await dataset.purgeHistory(instant);
    if (purged === null) return { outcome: 'left', exitCode: 0, before, rows: {} };
    const rows = Object.fromEntries(purged.map(({ stream, rows: removed }) => [stream, removed]));
    return { outcome: purged.length === 0 ? 'nothing due' : 'purged', exitCode: 0, before, rows };
  } catch (thrown) {
    const { exitCode } = asConnectorError(thrown);
    return { outcome: 'failed', exitCode, before, rows: {}, error: errorSummary(thrown) };
  }
}
