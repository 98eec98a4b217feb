import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { atStep, watchSteps } from '../../connector/run-step.js';
import { RUN_STEPS } from '../../schemas/run-steps.js';
import { CASES } from '../e2e/crash-suite.js';

const ROOT = resolve(import.meta.dirname, '..', '..');

/** The steps that the code marks, each time that it does. */
function marked(): string[] {
  return readdirSync(join(ROOT, 'connector'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'run-step.ts')
    .flatMap((file) => [
      ...readFileSync(join(ROOT, 'connector', file), 'utf8').matchAll(/\batStep\(([^)]*)\)/g),
    ])
    .map(([, name = '']) => name.replace(/^'(.*)'$/, '$1'));
}

afterEach(() => watchSteps(() => undefined));

describe('the steps of a run', () => {
  it('are each marked in the code once, under their own name', () => {
    expect(marked().sort()).toEqual(Object.keys(RUN_STEPS).sort());
  });

  it('have each a case in which a run is killed there', () => {
    expect(Object.keys(CASES)).toEqual(Object.keys(RUN_STEPS));
  });

  it('are told to whoever watches, and to nobody by a setting', () => {
    const seen: string[] = [];
    watchSteps((step) => seen.push(step));
    atStep('staged');
    expect(seen).toEqual(['staged']);
    expect(readFileSync(join(ROOT, 'connector', 'run-step.ts'), 'utf8')).not.toMatch(/process\.|env\b/);
    const settingIt = readdirSync(join(ROOT, 'connector'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'run-step.ts')
      .filter((file) => readFileSync(join(ROOT, 'connector', file), 'utf8').includes('watchSteps'));
    expect(settingIt).toEqual([]);
  });
});
