import { ConfigError } from '../schemas/errors.js';
import type { ComparedSnapshot } from './load/restated-lines.js';

/** Two snapshots of a scope, and the loads between them that are compared. */
export interface DiffChoice {
  readonly from: ComparedSnapshot;
  readonly to: ComparedSnapshot;
  /**
   * Loads after `from` up to `to` in which Microsoft restated, in runs that no reload of ours interrupts: within a run
   * lines are compared from its beginning to its end.
   */
  readonly restated: readonly (readonly string[])[];
  /** Loads in between whose differences are ours. */
  readonly reloads: readonly ComparedSnapshot[];
}

/** What was asked for, as eTags or load ids; undefined: the last two snapshots. */
export interface AskedSnapshots {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/**
 * Chooses the snapshots to compare: the last two, or the newest ones of the eTags asked for. Null where only one was ever
 * published and no other asked for. Pure.
 * @param label stream and scope, for errors
 * @param snapshots those of the scope, in the order of publishing; at least one
 * @throws ConfigError where there is no such snapshot, `from` is not older than `to`, or the history between was purged
 */
export function chooseDiff(
  label: string,
  snapshots: readonly ComparedSnapshot[],
  asked: AskedSnapshots,
): DiffChoice | null {
  const last = asked.to === undefined ? snapshots.length - 1 : indexOf(label, snapshots, asked.to, '--to');
  const before = snapshots.slice(0, last);
  if (asked.from === undefined && before.length === 0) {
    if (asked.to === undefined) return null;
    throw refused(`${label}: nothing was published before ${asked.to}`, known(snapshots));
  }
  const first = asked.from === undefined ? last - 1 : indexOf(label, before, asked.from, '--from', snapshots);
  const [from, to] = [snapshots[first], snapshots[last]];
  if (from === undefined || to === undefined) throw refused(`${label}: no such snapshots`, known(snapshots));
  if (from.isPurged) {
    throw refused(
      `${label}: the history after eTag ${from.eTag} was purged, so what was restated since cannot be told whole`,
      'compare later snapshots; retention: in the configuration says how long history is kept',
    );
  }
  const restated: string[][] = [[]];
  const reloads: ComparedSnapshot[] = [];
  for (let index = first + 1; index <= last; index += 1) {
    const [one, previous] = [snapshots[index], snapshots[index - 1]];
    if (one === undefined || previous === undefined) continue;
    if (isReload(one, previous)) {
      reloads.push(one);
      restated.push([]);
    } else restated.at(-1)?.push(one.loadId);
  }
  return { from, to, reloads, restated: restated.filter((loads) => loads.length > 0) };
}

/** The same eTag, other columns, or a repair: the view recon_snapshot_changes leaves out the same. */
function isReload(one: ComparedSnapshot, previous: ComparedSnapshot): boolean {
  return one.hasReloadedRows || one.eTag === previous.eTag || one.attributeSet !== previous.attributeSet;
}

function indexOf(
  label: string,
  snapshots: readonly ComparedSnapshot[],
  asked: string,
  option: string,
  all = snapshots,
): number {
  const isAsked = ({ eTag, loadId }: ComparedSnapshot): boolean => eTag === asked || loadId === asked;
  const index = snapshots.findLastIndex(isAsked);
  if (index >= 0) return index;
  const why = all.some(isAsked) ? 'is not older than the other one' : 'was never published';
  throw refused(`${label}: ${option} ${asked} ${why}`, known(all));
}

function known(snapshots: readonly ComparedSnapshot[]): string {
  const listed = snapshots.slice(-10).map(({ eTag, publishedAt }) => `${eTag} (${publishedAt})`);
  return `name the eTags of published snapshots, the older one first: ${listed.join(', ')}`;
}

function refused(message: string, hint: string): ConfigError {
  return new ConfigError({ message, hint });
}
