import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { configSchema, type Config } from '../schemas/config.js';
import { ConfigError } from '../schemas/errors.js';
import { configError, keyText, shownPath, type ConfigProblem } from './config-problem.js';
import { fillByType } from './config-fill.js';
import { schemaProblems } from './config-issues.js';
import { referenceSource } from './config-reference-source.js';
import { secretsOf, secretsWrittenIn } from './config-secrets.js';
import { readConfigTree, type ConfigTree } from './config-tree.js';

/** A checked configuration and what belongs to its file. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file, absolute. */
  readonly path: string;
  /** What is allowed but unwise, with its place. */
  readonly warnings: readonly string[];
  /** Every secret value in it; give them to `Secrets` before anything is printed. */
  readonly secrets: readonly string[];
  /** Makes a path of the configuration absolute: it is relative to the configuration file. */
  readonly resolve: (path: string) => string;
}

/** Where to look for a configuration. */
export interface ConfigSearch {
  /** Values of whole top-level keys that the file may leave out, where the command does not use them. */
  readonly standIns?: Readonly<Record<string, unknown>> | undefined;
  /** `--config`, relative to `cwd`. */
  readonly path?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Thirty times the file that we ship; reading YAML takes longer than in proportion to its length. */
const MAX_BYTES = 256 * 1024;

/**
 * Reads and checks the configuration: `--config`, else `PARTNER_BILLING_CONFIG`, else `./connector.yaml`.
 * References are filled in, durations are milliseconds and sizes bytes.
 * @throws ConfigError that lists every problem with file, line, column, key and what is allowed; no secret in it.
 */
export async function loadConfig(search: ConfigSearch): Promise<LoadedConfig> {
  const path = configPath(search);
  const file = shownPath(path, search.cwd);
  const text = await readConfigText(path, file);
  const tree = readConfigTree(text, referenceSource(search.env, dirname(path)));
  const checked = checkTree(withStandIns(tree, search.standIns ?? {}));
  if (checked.problems.length > 0 || checked.config === null) throw configError(file, checked.problems);
  const { config } = checked;
  return {
    config,
    path,
    warnings: secretsWrittenIn(tree).map((key) => literalSecretWarning(file, tree, key)),
    secrets: secretsOf(config, search.env),
    resolve: (relative) => resolve(dirname(path), relative),
  };
}

function withStandIns(tree: ConfigTree, standIns: Readonly<Record<string, unknown>>): ConfigTree {
  const { value } = tree;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return tree;
  return { ...tree, value: { ...standIns, ...value } };
}

/** The file to read, absolute, by the order that {@link loadConfig} states. */
export function configPath(search: ConfigSearch): string {
  const fromEnv = search.env['PARTNER_BILLING_CONFIG'];
  const named = search.path ?? (fromEnv === '' ? undefined : fromEnv);
  return resolve(search.cwd, named ?? 'connector.yaml');
}

async function readConfigText(path: string, file: string): Promise<string> {
  try {
    const bytes = await readAtMost(path, MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) throw unreadable(file, `is too long: at most ${MAX_BYTES} bytes are read`);
    if (!isUtf8(bytes)) throw configError(file, [notUtf8(bytes)]);
    // A byte-order mark is left out.
    return new TextDecoder('utf-8').decode(bytes);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT') throw unreadable(file, 'does not exist');
    if (code === 'EISDIR') throw unreadable(file, 'is a folder');
    throw unreadable(file, `cannot be read (${code})`);
  }
}

/** The first bytes of a file; of a pipe or a device too, whose length nobody knows. */
async function readAtMost(path: string, most: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(most);
    let length = 0;
    while (length < most) {
      const { bytesRead } = await file.read(bytes, length, most - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

function notUtf8(bytes: Buffer): ConfigProblem {
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  // The first byte that is no UTF-8 is where decoding and encoding again first makes a difference.
  const again = Buffer.from(decoded);
  let at = 0;
  while (bytes[at] === again[at]) at += 1;
  const before = bytes.toString('utf8', 0, at).split('\n');
  return {
    line: before.length,
    column: (before.at(-1) ?? '').length + 1,
    key: '',
    message: 'is not UTF-8 text; save the file as UTF-8',
  };
}

function unreadable(file: string, why: string): ConfigError {
  return new ConfigError({
    message: `the configuration ${file} ${why}`,
    hint: 'name one with --config FILE or PARTNER_BILLING_CONFIG, or run where ./connector.yaml is',
    facts: { file },
  });
}

interface Checked {
  readonly config: Config | null;
  readonly problems: readonly ConfigProblem[];
}

function checkTree(tree: ConfigTree): Checked {
  if (tree.value === undefined) return { config: null, problems: tree.problems };
  if (tree.value === null) {
    const message = 'the file is empty; it needs version, source, streams and destination';
    return { config: null, problems: [...tree.problems, { line: 1, column: 1, key: '', message }] };
  }
  const value = fillByType(configSchema, tree);
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return { config: parsed.data, problems: tree.problems };
  return {
    config: null,
    problems: [...tree.problems, ...schemaProblems(configSchema, tree, value, parsed.error.issues)],
  };
}

function literalSecretWarning(file: string, tree: ConfigTree, key: string): string {
  const place = tree.nodes.get(keyText(key.split('.')))?.value;
  return `${file}:${place?.line ?? 1}:${place?.column ?? 1} ${key}: a secret is written in the file; fill it in with \${env:NAME} or \${file:path}`;
}
