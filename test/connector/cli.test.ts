import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interruption } from '../../connector/interruption.js';
import { packageRoot, packageVersion } from '../../connector/package-info.js';
import { runCli } from './cli-io.js';

const ROOT = packageRoot();
const SECRET = 'pl4nted-Secret';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Everything that a file loads before its first line runs: static imports that are not only types, transitively. */
function loadedBy(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    if (!existsSync(join(ROOT, file))) return;
    const text = readFileSync(join(ROOT, file), 'utf8');
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      const isImport = ts.isImportDeclaration(statement);
      if (!isImport && !ts.isExportDeclaration(statement)) continue;
      const onlyTypes = isImport
        ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : statement.isTypeOnly;
      const specifier = statement.moduleSpecifier;
      if (onlyTypes || specifier === undefined || !ts.isStringLiteral(specifier)) continue;
      const target = specifier.text;
      if (target.startsWith('.')) {
        visit(relative(ROOT, resolve(ROOT, dirname(file), target)).replace(/\.js$/, '.ts'));
      } else seen.add(target);
    }
  };
  visit(entry);
  return [...seen];
}

describe('--help and --version', () => {
  it('print to standard output and end well', async () => {
    const help = await runCli(['--help'], { cwd });
    expect(help).toMatchObject({ exitCode: 0, err: '' });
    for (const name of [
      'sync',
      'schedule',
      'check',
      'plan',
      'status',
      'query',
      'migrate',
      'demo',
      'sandbox',
    ]) {
      expect(help.out).toMatch(new RegExp(`^  ${name} `, 'm'));
      const one = await runCli([name, '--help'], { cwd });
      expect(one).toMatchObject({ exitCode: 0, err: '' });
      expect(one.out).toContain(`Usage: partner-billing ${name}`);
      expect(one.out).toContain('--log-level');
    }
    expect(await runCli(['--version'], { cwd })).toEqual({
      exitCode: 0,
      out: `${packageVersion()}\n`,
      err: '',
    });
  });

  it('load no database, no HTTP stack and nothing else that is slow', () => {
    const loaded = loadedBy('connector/cli.ts');
    expect(loaded).toContain('commander');
    expect(loaded).toContain('connector/cli-program.ts');
    const packages = loaded.filter((name) => !name.endsWith('.ts') && !name.startsWith('node:'));
    expect(packages).toEqual(['commander']);
    expect(loaded.filter((name) => name.startsWith('connector/commands/'))).toEqual([]);
  });
});

describe('usage errors', () => {
  it.each([
    [['snc'], "error: unknown command 'snc'\n(Did you mean sync?)\nTry: partner-billing --help\n"],
    [
      ['sync', '--strem', 'x'],
      "error: unknown option '--strem'\n(Did you mean --stream?)\nTry: partner-billing sync --help\n",
    ],
    [['sync', 'G1'], 'Try: partner-billing sync --help\n'],
    [['sync', '--stream', 'billed_usge'], 'Did you mean billed_usage?\nTry: partner-billing sync --help\n'],
    [['sync', '--stream'], 'argument missing\nTry: partner-billing sync --help\n'],
    [
      ['sync', '--invoice', 'G1/../x'],
      'It must be an invoice id such as G016907411.\nTry: partner-billing sync --help\n',
    ],
    [['plan', '--log-level', 'warning'], 'Did you mean warn?\nTry: partner-billing plan --help\n'],
    [
      ['status', '--log-format', 'xml'],
      'It must be one of pretty, json.\nTry: partner-billing status --help\n',
    ],
    [['query', 'SELECT', '1'], 'Try: partner-billing query --help\n'],
    [['query'], "error: missing required argument 'sql'\nTry: partner-billing query --help\n"],
    [['query', 'x', '--format', 'jsno'], 'Did you mean json?\nTry: partner-billing query --help\n'],
    [['sandbox', '--port', '70000'], 'from 0 to 65534.\nTry: partner-billing sandbox --help\n'],
    [['demo', '--config', 'x'], "error: unknown option '--config'\nTry: partner-billing demo --help\n"],
    [
      ['reconcile', '--check', 'line_recalc', 'orphan'],
      'Did you mean orphans?\nTry: partner-billing reconcile --help\n',
    ],
    [['reconcile', '--period', '2026-13'], 'Try: partner-billing reconcile --help\n'],
    [['reconcile', '--invoice', 'G1', 'G1/../x'], 'Try: partner-billing reconcile --help\n'],
    [['reconcile', '--fail-on', 'partail'], 'Did you mean partial?\nTry: partner-billing reconcile --help\n'],
    [
      ['reconcile', '--format', 'xml'],
      'It must be one of table, csv, json.\nTry: partner-billing reconcile --help\n',
    ],
    [
      ['explain'],
      "error: required option '--invoice <id>' not specified\nTry: partner-billing explain --help\n",
    ],
    [['explain', '--invoice', 'G1', '--amount', '14,11'], 'Try: partner-billing explain --help\n'],
    [['migrate', '--sq'], '(Did you mean --sql?)\nTry: partner-billing migrate --help\n'],
  ])('of %j end with what to try and exit 2', async (argv, ending) => {
    const { exitCode, out, err } = await runCli(argv, { cwd });
    expect(exitCode).toBe(2);
    expect(out).toBe('');
    expect(err.endsWith(ending)).toBe(true);
    expect(err).toMatch(/^error: /);
  });

  it('of an empty command line show the help on standard error', async () => {
    const { exitCode, out, err } = await runCli([], { cwd });
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('Usage: partner-billing');
  });
});

describe('errors', () => {
  it('say what happened and what to do, with the exit code of their kind and no stack', async () => {
    const { exitCode, out, err } = await runCli(['status'], { cwd });
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toBe(
      `error: the configuration ${relative(cwd, join(cwd, 'connector.yaml'))} does not exist\n` +
        'hint: name one with --config FILE or PARTNER_BILLING_CONFIG, or run where ./connector.yaml is\n',
    );
  });

  it('are one JSON document on standard output with --json', async () => {
    const { exitCode, out, err } = await runCli(['status', '--json', '--config', 'none.yaml'], { cwd });
    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      exitCode: 2,
      error: { kind: 'config', facts: { file: 'none.yaml' } },
    });
    expect(err).toContain('error: the configuration none.yaml does not exist');
  });

  it('are one log line with --log-format json', async () => {
    const { out, err } = await runCli(['status', '--log-format', 'json'], { cwd });
    expect(out).toBe('');
    expect(JSON.parse(err)).toMatchObject({ level: 'error', err: { kind: 'config' } });
  });

  it('show their stacks at --log-level debug', async () => {
    const { err } = await runCli(['status', '--log-level', 'debug'], { cwd });
    expect(err).toMatch(/^ {2}ConfigError: /m);
    expect(err).toMatch(/^ {6}at /m);
  });

  it.each([
    ['trace', 'json'],
    ['trace', 'pretty'],
    ['info', 'json'],
    ['warn', 'pretty'],
  ])('and warnings print no secret at level %s in %s', async (level, format) => {
    writeFileSync(
      join(cwd, 'secret.yaml'),
      `version: 1
source:
  tenant_id: 0e195b37-4574-4539-bc42-0e539b9684c0
  auth: { method: static_token, token: ${SECRET} }
streams: { billed_usage: { invoices: [G016907411] } }
destination: { type: postgres, url: "postgres://u:${SECRET}@127.0.0.1:1/${SECRET}?connect_timeout=1" }
`,
    );
    const { exitCode, out, err } = await runCli(
      ['status', '--json', '--config', 'secret.yaml', '--log-level', level, '--log-format', format],
      { cwd },
    );
    expect(exitCode).toBe(3);
    expect(err).toContain('a secret is written in the file');
    expect(`${out}${err}`).not.toContain(SECRET);
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends a command with exit code %d', async (name, code) => {
    const stop = new AbortController();
    stop.abort(new Interruption(name));
    const { exitCode, err } = await runCli(['status'], { cwd, signal: stop.signal });
    expect(exitCode).toBe(code);
    expect(err).toContain(`stopped by ${name}; nothing is lost: the same command goes on from here`);
  });
});
