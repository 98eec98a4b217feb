import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Azurite brings 374 packages of its own (test/azurite/README.md), so that job is asked for by name.
    exclude: ['**/node_modules/**', ...(process.env['TEST_AZURITE'] === '1' ? [] : ['test/azurite/**'])],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    // One more than the two cores everywhere this runs: with two, a sixth of the cores' time was spent waiting for servers
    // and processes of the tests. More only make every database slower.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Long enough for a loaded machine: no test is about time, and none waits for it.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { requireAssertions: true },
  },
});
