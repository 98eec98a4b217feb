import { isAbsolute, relative } from 'node:path';
import { ConfigError } from '../schemas/errors.js';

/** A place in the configuration file, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with the configuration; carries no secret. */
export interface ConfigProblem extends Place {
  /** The key as printed, `streams.billed_usage.invoices[0]`; empty where the file as a whole is wrong. */
  readonly key: string;
  /** What is wrong and what is allowed, to be read after the key. */
  readonly message: string;
}

/** A path of keys and list positions. */
export type KeyPath = readonly (string | number)[];

/** A key path as printed: `streams.billed_usage.invoices[0]`; odd keys are quoted: `streams["a b"]`. */
export function keyText(path: KeyPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}

/** A path as people write it: relative to the working directory where it lies inside, absolute otherwise. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}

/** `file:line:column key`, as editors and terminals make links of it. */
export function placeText(file: string, place: Place, key: string): string {
  const position = `${file}:${place.line}:${place.column}`;
  return key === '' ? position : `${position} ${key}`;
}

/** More problems than anyone reads at once. */
const LISTED = 50;

/** One error that lists the problems with their places, in the file's order, each once, at most 50. */
export function configError(file: string, problems: readonly ConfigProblem[]): ConfigError {
  const ordered = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = [
    ...new Set(ordered.map((problem) => `${placeText(file, problem, problem.key)}: ${problem.message}`)),
  ];
  const [first] = ordered;
  return new ConfigError({
    message:
      lines.length === 1
        ? (lines[0] ?? '')
        : [`${file} has ${problemCount(lines)}:`, ...listed(lines).map((line) => `  ${line}`)].join('\n'),
    hint: 'every setting is explained in the connector.yaml that comes with the connector',
    facts: { file, line: first?.line, column: first?.column, key: first?.key, problems: lines.length },
  });
}

function problemCount(lines: readonly string[]): string {
  return lines.length > LISTED ? `more than ${LISTED} problems` : `${lines.length} problems`;
}

function listed(lines: readonly string[]): readonly string[] {
  return lines.length > LISTED ? [...lines.slice(0, LISTED), '...'] : lines;
}
