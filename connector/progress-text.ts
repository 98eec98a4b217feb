import type { ProgressEvent } from '../schemas/progress.js';
import { scopeLabel } from '../schemas/scope.js';
import { labelOf, type ProgressState, type ScopeProgress } from './progress-state.js';
import { bytesText, countOf, countText, durationText } from './quantity-text.js';

const LABEL_WIDTH = 36;

/** One line per running scope: what it does now and for how long it has run. Pure. */
export function progressLines(state: ProgressState, now: number): string[] {
  return [...state.values()].map(
    (scope) =>
      `${scope.label.padEnd(LABEL_WIDTH)}  ${phaseText(scope, now)}  (${durationText(now - scope.startedAt)})`,
  );
}

function phaseText(scope: ScopeProgress, now: number): string {
  const wait = scope.waitUntil === null ? 0 : Math.max(0, scope.waitUntil - now);
  const again = wait < 1000 ? 'now' : `in ${durationText(Math.ceil(wait / 1000) * 1000)}`;
  if (scope.retrying !== null) return `${scope.retrying} failed, tried again ${again}`;
  if (scope.holder !== null) return `waiting for ${scope.holder}`;
  switch (scope.phase) {
    case 'planned':
      return 'waiting for its turn';
    case 'export':
      return scope.status === null
        ? 'export asked for'
        : `exporting: Graph says ${wordOf(scope.status)}${scope.waitUntil === null ? '' : `, polled again ${again}`}`;
    case 'download':
      return downloadText(scope);
    case 'load':
      return `loading: ${countOf(scope.records, 'record')}, ${countText(scope.blobsLoaded)} of ${countOf(scope.blobs, 'blob')}`;
  }
}

/** Graph's word without the type that may follow it: `running (runningOperation)`. */
function wordOf(status: string): string {
  return status.replace(/ \(\w*\)$/, '');
}

function downloadText(scope: ScopeProgress): string {
  const bytes = [...scope.bytes.values()].reduce((sum, count) => sum + count, 0);
  return scope.blobs > 0 && scope.blobsWhole >= scope.blobs
    ? `downloaded ${countOf(scope.blobs, 'blob')}, ${bytesText(bytes)}; waiting to load`
    : `downloading: ${countText(scope.blobsWhole)} of ${countOf(scope.blobs, 'blob')}, ${bytesText(bytes)}`;
}

/**
 * The line that an event leaves behind, where it changes what is going on; null for events that only count. `before`
 * is the state before the event. Pure.
 */
export function eventLine(event: ProgressEvent, before: ProgressState, now: number): string | null {
  const label = labelOf(event);
  const line = (text: string) => `${label.padEnd(LABEL_WIDTH)}  ${text}`;
  switch (event.event) {
    case 'scope.started':
      return line(`begun: ${event.reason}`);
    case 'export.requested':
      return line('export asked for');
    case 'export.resumed':
      return line('continues where an earlier run stopped');
    case 'export.polled':
      return before.get(label)?.status === event.status ? null : line(`Graph says ${wordOf(event.status)}`);
    case 'manifest.read':
      return line(`manifest lists ${countOf(event.blobs, 'blob')}, eTag ${event.eTag}`);
    case 'retried':
      return line(
        `${event.what} failed (${event.cause}); attempt ${event.attempt + 1} in ${durationText(event.waitMs)}`,
      );
    case 'load.started':
      return line(`loading ${countOf(event.blobs, 'blob')}`);
    case 'load.waiting':
      return before.get(label)?.holder === event.holder ? null : line(`waiting for ${event.holder}`);
    case 'scope.finished':
      return finishedLine(event, before, now);
    case 'warning':
      return warningLine(event);
    case 'blob.bytes':
    case 'blob.whole':
    case 'load.records':
      return null;
  }
}

/** The one line that stays of a finished scope. Pure. */
export function finishedLine(
  event: Extract<ProgressEvent, { event: 'scope.finished' }>,
  before: ProgressState,
  now: number,
): string {
  const label = scopeLabel(event.scope);
  const scope = before.get(label);
  const details = [
    ...(scope === undefined || scope.records === 0 ? [] : [countOf(scope.records, 'record')]),
    ...(scope === undefined ? [] : [durationText(now - scope.startedAt)]),
  ];
  const after = details.length === 0 ? '' : ` (${details.join(', ')})`;
  return `${label.padEnd(LABEL_WIDTH)}  ${event.outcome}${after}`;
}

/** A warning as people read it. Pure. */
export function warningLine(event: Extract<ProgressEvent, { event: 'warning' }>): string {
  const about = event.scope === undefined ? '' : `${scopeLabel(event.scope)}: `;
  const hint = event.hint === '' ? '' : ` (${event.hint})`;
  return `warning: ${about}${event.message}${hint}`;
}
