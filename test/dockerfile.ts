import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** One instruction: `COPY --from=build a b` is `{ name: 'COPY', flags: { from: 'build' }, text: 'a b' }`. */
export interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A stage that was built outside of a container: its root folder stands for `/`. */
export interface Stage {
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly volumes: readonly string[];
}

/** The instructions of a Dockerfile, comments left out and continued lines joined. */
export function readInstructions(path: string): Instruction[] {
  const text = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n/g, ' ');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', flagText = '', rest = ''] =
        /^(\w+)\s+((?:--\w+=\S+\s+)*)(.*)$/.exec(line.trim()) ?? [];
      const flags = [...flagText.matchAll(/--(\w+)=(\S+)/g)].map(([, key = '', value = '']) => [key, value]);
      return { name, flags: Object.fromEntries(flags) as Record<string, string>, text: rest.trim() };
    });
}

/** Whether a file of the repository gets into a build: the last pattern of `.dockerignore` that matches decides. */
export function isInContext(patterns: readonly string[], file: string): boolean {
  const parts = file.split('/');
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  return patterns.reduce((included, pattern) => {
    const [negated, glob] = pattern.startsWith('!') ? [true, pattern.slice(1)] : [false, pattern];
    return prefixes.some((prefix) => matches(prefix, glob)) ? negated : included;
  }, true);
}

/** Docker's `*` takes a leading dot too. Only what our file uses is known here. */
function matches(path: string, glob: string): boolean {
  if (glob === '*') return !path.includes('/');
  if (/[*?[]/.test(glob)) throw new Error(`the test does not know the pattern ${glob}`);
  return path === glob;
}

/** The patterns of a `.dockerignore`. */
export function ignorePatterns(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Runs a Dockerfile's steps below `target`, as this user and without a container; the last stage is the image. */
export async function buildOutside(repository: string, target: string): Promise<Stage> {
  const context = contextFiles(repository);
  const stages = new Map<string, Stage>();
  let stage: Stage | null = null;
  for (const { name, flags, text } of readInstructions(join(repository, 'Dockerfile'))) {
    if (name === 'FROM') {
      const alias = / AS (\w+)$/i.exec(text)?.[1] ?? `stage-${stages.size}`;
      stage = { root: join(target, alias), workdir: '/', env: {}, user: '', entrypoint: [], volumes: [] };
      mkdirSync(stage.root, { recursive: true });
      stages.set(alias, stage);
      continue;
    }
    if (stage === null) throw new Error(`${name} before FROM`);
    const changed: Stage = await step(stage, { name, flags, text }, { repository, context, stages });
    for (const [alias, known] of stages) if (known === stage) stages.set(alias, changed);
    stage = changed;
  }
  if (stage === null) throw new Error('no stage');
  return stage;
}

interface Around {
  readonly repository: string;
  readonly context: readonly string[];
  readonly stages: ReadonlyMap<string, Stage>;
}

async function step(stage: Stage, { name, flags, text }: Instruction, around: Around): Promise<Stage> {
  switch (name) {
    case 'WORKDIR':
      mkdirSync(join(stage.root, text), { recursive: true });
      return { ...stage, workdir: text };
    case 'ENV': {
      const [key = '', value = ''] = text.split(/=(.*)/s);
      return { ...stage, env: { ...stage.env, [key]: value } };
    }
    case 'COPY':
      copy(stage, flags['from'], text, around);
      return stage;
    case 'RUN':
      await run(stage, text);
      return stage;
    case 'USER':
      return { ...stage, user: text };
    case 'VOLUME':
      return { ...stage, volumes: text.split(/\s+/) };
    case 'ENTRYPOINT':
      return { ...stage, entrypoint: JSON.parse(text) as string[] };
    case 'CMD':
      return stage;
    default:
      throw new Error(`the test does not know ${name}`);
  }
}

function copy(stage: Stage, from: string | undefined, text: string, around: Around): void {
  const paths = text.split(/\s+/);
  const to = paths.pop() ?? '';
  const target = to.startsWith('/') ? join(stage.root, to) : join(stage.root, stage.workdir, to);
  const intoFolder = to.endsWith('/') || paths.length > 1;
  const source = from === undefined ? null : around.stages.get(from);
  if (source === undefined) throw new Error(`no stage ${from}`);
  for (const path of paths) {
    if (source === null) copyFromContext(path, target, intoFolder, around);
    else cpSync(join(source.root, path), target, { recursive: true, verbatimSymlinks: true });
  }
}

function copyFromContext(path: string, target: string, intoFolder: boolean, around: Around): void {
  const files = around.context.filter((file) => file === path || file.startsWith(`${path}/`));
  if (files.length === 0) throw new Error(`COPY ${path}: nothing of that name gets into the build`);
  for (const file of files) {
    const place = file !== path ? join(target, file.slice(path.length + 1)) : target;
    const end = file === path && (intoFolder || isFolder(target)) ? join(target, basename(file)) : place;
    mkdirSync(dirname(end), { recursive: true });
    cpSync(join(around.repository, file), end);
  }
}

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

function contextFiles(repository: string): string[] {
  const patterns = ignorePatterns(join(repository, '.dockerignore'));
  return execFileSync('git', ['ls-files', '-z'], { cwd: repository, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(repository, file)) && isInContext(patterns, file));
}

async function run(stage: Stage, command: string): Promise<void> {
  // Outside of a container an absolute path would be one of this machine.
  if (/(^|[\s=])\/\w/.test(command)) throw new Error(`RUN names an absolute path: ${command}`);
  await promisify(execFile)('sh', ['-c', command], {
    cwd: join(stage.root, stage.workdir),
    env: { ...cleanEnv(), ...stage.env },
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** This process's environment without what npm and the test runner added to it. */
export function cleanEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_(registry|cache)$)|VITEST|TEST|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$)/.test(name),
  );
  const env = Object.fromEntries(kept) as Record<string, string>;
  const path = (env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...env, PATH: path.join(delimiter), npm_config_prefer_offline: 'true' };
}
