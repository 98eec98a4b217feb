import type { RunStep } from '../schemas/run-steps.js';

/** Called at each step, in the order in which a run takes them. What it throws, the step throws. */
export type StepWatcher = (step: RunStep) => void;

let watcher: StepWatcher | null = null;

/** Says that a run has come to a step. Nobody listens in production: no setting, argument or variable sets a watcher. */
export function atStep(step: RunStep): void {
  watcher?.(step);
}

/** Sets who is told of steps: a test that stops a process at one. Code that can call this is inside of the process already. */
export function watchSteps(watch: StepWatcher): void {
  watcher = watch;
}
