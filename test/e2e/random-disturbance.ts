import {
  FAULTS,
  type FaultName,
  type FaultSetting,
  type RequestRecord,
} from '../../connector/sandbox/sandbox.js';
import { RUN_STEPS, type RunStep } from '../../schemas/run-steps.js';
import type { Stop } from './disturbed-command.js';
import type { Choices } from './random-choices.js';

/** What happens to a load package, or to all of them, while no run goes on. */
export type SpoolDamage = 'a flipped byte' | 'a blob cut short' | 'no spool';

/** What goes wrong in one run and after it. */
export interface Disturbance {
  readonly faults: readonly FaultSetting[];
  readonly stop: Stop | null;
  /** The destination ends its sessions so many milliseconds after the start of the run; null where it does not. */
  readonly cutAfterMs: number | null;
  readonly damage: SpoolDamage | null;
}

/** What is sure to be refused: no such content is ever seen by a reader. */
const REFUSED_CONTENT: readonly string[] = [
  'rows-other-tenant',
  'rows-broken-line',
  'rows-bad-number',
  'rows-bad-utf8',
  'rows-nul',
  'rows-missing-amount',
];
/** An answer without rows: refused over rows, and a snapshot like any other where nothing is published yet. */
const EMPTY: readonly FaultName[] = ['rows-none', 'manifest-no-blobs'];
/** Never more than once: each costs a second or more, or changes the data for good. */
const ONCE: readonly FaultName[] = ['poll-stalled', 'blob-stalled', 'etag-changes'];

const ALL_FAULTS = Object.keys(FAULTS) as FaultName[];
const SIGNALS = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT'] as const;
const STEPS = Object.keys(RUN_STEPS) as RunStep[];
const DAMAGES = ['a flipped byte', 'a blob cut short', 'no spool'] as const;

/** What a run gets for certain, and what not at all, so that a short form has some of each. */
export type Certain = 'kill' | 'fault' | null;

/** What the choice for a run depends on. */
export interface Situation {
  readonly certain: Certain;
  /** Nothing is published yet. */
  readonly isFirst: boolean;
  /** The destination is a server, which can end sessions. */
  readonly hasSessions: boolean;
}

/** Chooses what goes wrong in a run. */
export function chooseDisturbance(
  choices: Choices,
  { certain, isFirst, hasSessions }: Situation,
): Disturbance {
  const hasFaults = certain === 'fault' || (certain === null && choices.chance(2, 3));
  const isStopped = certain === null && choices.chance(2, 3);
  return {
    faults: hasFaults ? chooseFaults(choices, isFirst) : [],
    stop: certain === 'kill' ? sureKill(choices, hasSessions) : isStopped ? chooseStop(choices) : null,
    cutAfterMs: certain === null && hasSessions && choices.chance(1, 4) ? choices.number(300, 2000) : null,
    damage: choices.chance(1, 6) ? choices.one(DAMAGES) : null,
  };
}

/** Whether content with these faults can become what a reader sees of an invoice, or of an open month. */
export function isPublishable(faults: readonly FaultSetting[], of: 'invoice' | 'month'): boolean {
  const refused = of === 'invoice' ? [...REFUSED_CONTENT, 'rows-other-invoice'] : REFUSED_CONTENT;
  return !faults.some((fault) => refused.includes(nameOf(fault)));
}

/** Faults that a run met: it sent the kind of request that they lie in wait for. */
export function faultsMet(faults: readonly FaultSetting[], requests: readonly RequestRecord[]): number {
  const kinds = new Set(requests.map(({ kind }) => kind));
  return faults.filter((fault) => {
    if (/^(post|rows)-/.test(fault)) return kinds.has('export');
    if (/^(poll|status|etag)-/.test(fault)) return kinds.has('operation');
    if (/^manifest-/.test(fault)) return kinds.has('operation') || kinds.has('manifest');
    return kinds.has(fault.startsWith('invoices-') ? 'invoices' : 'blob');
  }).length;
}

/** As it is told: `blob-cut:2, poll-503; SIGKILL at "staged" 2; a flipped byte`. */
export function disturbanceText({ faults, stop, cutAfterMs, damage }: Disturbance): string {
  const at =
    stop === null
      ? []
      : [
          `${stop.signal} ${'step' in stop.at ? `at "${stop.at.step}" ${stop.at.time}` : `after ${stop.at.afterMs} ms`}`,
        ];
  const cut = cutAfterMs === null ? [] : [`sessions ended after ${cutAfterMs} ms`];
  const told = [
    ...(faults.length === 0 ? [] : [faults.join(', ')]),
    ...at,
    ...cut,
    ...(damage === null ? [] : [damage]),
  ];
  return told.join('; ') || 'nothing';
}

function chooseFaults(choices: Choices, isFirst: boolean): FaultSetting[] {
  const possible = ALL_FAULTS.filter((name) => !isFirst || !EMPTY.includes(name));
  const names = choices.some(possible, choices.number(1, 3));
  return names.map((name) => {
    if (ONCE.includes(name)) return `${name}:1` as const;
    // Content is what it is as long as the fault is on; most others come and go.
    const isContent = /^rows-|^blob-(multi|inflated)/.test(name);
    return isContent || choices.chance(1, 4) ? name : (`${name}:${choices.number(1, 4)}` as const);
  });
}

/** A kill at a step to which every run comes that meets no fault, loads something and finds all tables there. */
function sureKill(choices: Choices, hasSessions: boolean): Stop {
  const steps = STEPS.filter(
    (step) => step !== 'migration applied' && !(hasSessions && 'only' in RUN_STEPS[step]),
  );
  return { signal: 'SIGKILL', at: { step: choices.one(steps), time: 1 } };
}

function chooseStop(choices: Choices): Stop {
  const signal = choices.one(SIGNALS);
  if (choices.chance(1, 3)) return { signal, at: { afterMs: choices.number(200, 2500) } };
  return { signal, at: { step: choices.one(STEPS), time: choices.number(1, 3) } };
}

function nameOf(fault: FaultSetting): FaultName {
  return fault.replace(/:\d+$/, '') as FaultName;
}
