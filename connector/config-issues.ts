import type { z } from 'zod';
import { keyText, type ConfigProblem, type KeyPath, type Place } from './config-problem.js';
import { allowedKeys } from './config-schema-keys.js';
import { isSecretKey } from './config-secrets.js';
import type { ConfigNode, ConfigTree } from './config-tree.js';
import { innermostIssues } from './config-union-issue.js';
import { valueAt, withValueAt } from './config-value-at.js';
import { nearest } from './nearest.js';

type Issue = z.core.$ZodIssue;

/** More is never listed, and each costs another look at the whole file. */
const MOST_ISSUES = 51;

/** Turns what the schema complains about into problems with their places, keys and what is allowed. */
export function schemaProblems(
  schema: z.ZodType,
  tree: ConfigTree,
  value: unknown,
  issues: readonly Issue[],
): ConfigProblem[] {
  const reader = new IssueReader(schema, tree, value);
  return issues
    .flatMap(innermostIssues)
    .slice(0, MOST_ISSUES)
    .flatMap((issue) => reader.problems(issue))
    .filter((problem) => ![...tree.unfilled].some((key) => isAtOrBelow(problem.key, key)));
}

const isStep = (step: PropertyKey): step is string | number => typeof step !== 'symbol';

function parseIssues(schema: z.ZodType, value: unknown): readonly Issue[] {
  return (schema.safeParse(value).error?.issues ?? []).flatMap(innermostIssues);
}

function isAtOrBelow(key: string, above: string): boolean {
  return key === above || key.startsWith(`${above}.`) || key.startsWith(`${above}[`);
}

class IssueReader {
  constructor(
    private readonly schema: z.ZodType,
    private readonly tree: ConfigTree,
    private readonly root: unknown,
  ) {}

  problems(issue: Issue): ConfigProblem[] {
    const path = issue.path.filter(isStep);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, MOST_ISSUES).map((key) => this.unknownKey(path, key));
    }
    const value = valueAt(this.root, path);
    const key = keyText(path);
    const allowed = this.allowed(issue, path);
    if (value === undefined)
      return [{ ...this.placeAbove(path), key, message: `is missing; it must be ${allowed}` }];
    const node = this.node(path) ?? this.filledList(path);
    const place = node?.value ?? this.placeAbove(path);
    if (value === null) return [{ ...place, key, message: `is empty; it must be ${allowed}` }];
    const instead = this.foundAsText(path, value, node) ?? found(key, value, node, issue);
    return [{ ...place, key, message: `${subject(node)}must be ${allowed}${instead}` }];
  }

  /** For a number or a boolean to YAML that would do as text, such as an invoice id of digits: how to write it. */
  private foundAsText(path: KeyPath, value: unknown, node: ConfigNode | undefined): string | null {
    const written = node?.written ?? null;
    if ((typeof value !== 'number' && typeof value !== 'boolean') || written === null) return null;
    const asText = parseIssues(this.schema, withValueAt(this.root, path, written));
    if (asText.some((issue) => keyText(issue.path.filter(isStep)) === keyText(path))) return null;
    if (isSecretKey(keyText(path))) return '; put it in quotes';
    return `; ${written} is a ${typeof value} to YAML, write ${JSON.stringify(written)}`;
  }

  private unknownKey(path: KeyPath, name: string): ConfigProblem {
    const known = allowedKeys(this.schema, path, this.root);
    const free = known.filter((candidate) => valueAt(this.root, [...path, candidate]) === undefined);
    const near = nearest(name, free);
    const meant = near === null ? '' : ` Did you mean ${near}?`;
    const full = [...path, name];
    const place = this.node(full)?.key ?? this.placeAbove(full);
    const message = `is no setting.${meant} Allowed here: ${known.join(', ')}`;
    return { ...place, key: keyText(full), message };
  }

  private allowed(issue: Issue, path: KeyPath): string {
    // zod names the choices in `options`, which its types do not declare.
    if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options)) {
      return `one of ${issue.options.map(String).join(', ')}`;
    }
    if (issue.code === 'invalid_type' && issue.expected === 'object') {
      return `a group of keys: ${allowedKeys(this.schema, path, this.root).join(', ')}`;
    }
    return issue.message;
  }

  /** The text that a list item came from, where a reference filled in the whole list. */
  private filledList(path: KeyPath): ConfigNode | undefined {
    const above = this.node(path.slice(0, -1));
    return above !== undefined && above.origins.length > 0 ? above : undefined;
  }

  private node(path: KeyPath): ConfigNode | undefined {
    return this.tree.nodes.get(keyText(path));
  }

  /** The key of the nearest group above that is in the file: where something that is missing belongs. */
  private placeAbove(path: KeyPath): Place {
    for (let length = path.length - 1; length > 0; length -= 1) {
      const node = this.node(path.slice(0, length));
      if (node !== undefined) return node.key;
    }
    return this.node([])?.key ?? { line: 1, column: 1 };
  }
}

function subject(node: ConfigNode | undefined): string {
  const [origin] = node?.origins ?? [];
  return origin === undefined ? '' : `the value of ${origin} `;
}

/** What stands there instead, unless that could be a secret. */
function found(key: string, value: unknown, node: ConfigNode | undefined, issue: Issue): string {
  if (Array.isArray(value)) return issue.code === 'invalid_type' ? ', not a list' : '';
  if (typeof value === 'object') return issue.code === 'invalid_type' ? ', not a group of keys' : '';
  if (isSecretKey(key) || node === undefined || node.written === null || node.origins.length > 0) return '';
  const written = JSON.stringify(node.written.length > 60 ? `${node.written.slice(0, 60)}...` : node.written);
  if (typeof value !== 'string') return `, not ${node.written}`;
  const near = issue.code === 'invalid_value' ? nearest(value, issue.values.map(String)) : null;
  return near === null ? `, not ${written}` : `, not ${written}; did you mean ${near}?`;
}
