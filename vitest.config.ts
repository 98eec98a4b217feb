import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Azurite brings 374 packages of its own (test/azurite/README.md), so that job is asked for by name.
    exclude: ['**/node_modules/**', ...(process.env['TEST_AZURITE'] === '1' ? [] : ['test/azurite/**'])],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    // Two cores everywhere this runs: more workers only make every database slower.
    maxWorkers: 2,
    // Long enough for a loaded machine: no test is about time, and none waits for it.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { requireAssertions: true },
  },
});
