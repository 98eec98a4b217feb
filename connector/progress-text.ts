import type { ProgressEvent } from '../schemas/progress.js';
import { scopeLabel } from '../schemas/scope.js';
import { labelOf, type ProgressState, type ScopeProgress } from './progress-state.js';
import { bytesText, countOf, countText, durationText, elapsedText } from './quantity-text.js';

const LABEL_WIDTH = 36;

/** One line per running scope: what it does now, for how long, and how far it is. Pure. */
export function progressLines(state: ProgressState, now: number): string[] {
  return [...state.values()].map((scope) => `${scope.label.padEnd(LABEL_WIDTH)}  ${nowText(scope, now)}`);
}

function nowText(scope: ScopeProgress, now: number): string {
  const wait = scope.waitUntil === null ? 0 : Math.max(0, scope.waitUntil - now);
  const again = wait < 1000 ? 'now' : `in ${elapsedText(Math.ceil(wait / 1000) * 1000)}`;
  if (scope.retrying !== null)
    return `${phaseText(scope, now)}: ${scope.retrying} failed, tried again ${again}`;
  if (scope.holder !== null) return `waiting for ${scope.holder}, ${elapsedText(now - scope.startedAt)}`;
  const details = detailTexts(scope, again, now - scope.phaseAt);
  return `${phaseText(scope, now)}${details.length === 0 ? '' : `: ${details.join(', ')}`}`;
}

/** What is done and since when: `exporting for 3 min 10 s`. */
function phaseText(scope: ScopeProgress, now: number): string {
  const since = elapsedText(now - scope.phaseAt);
  switch (scope.phase) {
    case 'planned':
      return `waiting to export for ${since}`;
    case 'export':
      return `exporting for ${since}`;
    case 'download':
      return `downloading for ${since}`;
    case 'whole':
      return `waiting to load for ${since}`;
    case 'load':
      return `loading for ${since}`;
  }
}

function detailTexts(scope: ScopeProgress, again: string, phaseMs: number): string[] {
  const bytes = [...scope.bytes.values()].reduce((sum, count) => sum + count, 0);
  switch (scope.phase) {
    case 'planned':
      return [];
    case 'export':
      return [
        ...(scope.status === null ? [] : [wordOf(scope.status)]),
        ...(scope.waitUntil === null ? [] : [`polled again ${again}`]),
      ];
    case 'download':
      return [placeText(scope.blobsWhole, scope.blobs), bytesText(bytes)];
    case 'whole':
      return [`${countOf(scope.blobs, 'blob')}`, bytesText(bytes)];
    case 'load':
      return [
        placeText(scope.blobsLoaded, scope.blobs),
        countOf(scope.records, 'record'),
        ...(phaseMs < 1000 ? [] : [`${countText(Math.round(scope.records / (phaseMs / 1000)))}/s`]),
      ];
  }
}

/** Which blob is being worked on: `blob 4 of 12` when three are done. */
function placeText(done: number, all: number): string {
  return `blob ${countText(Math.min(done + 1, all))} of ${countText(all)}`;
}

/** Graph's word without the type that may follow it: `running (runningOperation)`. */
function wordOf(status: string): string {
  return status.replace(/ \(\w*\)$/, '');
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
    case 'run.started':
    case 'run.finished':
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
