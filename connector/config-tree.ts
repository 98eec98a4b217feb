import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
} from 'yaml';
import { interpolate, type ReferenceSource } from './config-interpolation.js';
import { keyText, type ConfigProblem, type KeyPath, type Place } from './config-problem.js';

/** What is known of one value of the file. */
export interface ConfigNode {
  /** Where its key (or, in a list, the value itself) stands. */
  readonly key: Place;
  readonly value: Place;
  /** A scalar as it is written in the file, before references are filled in; null for lists and groups. */
  readonly written: string | null;
  /** What references in it came from, as printed; empty without references. */
  readonly origins: readonly string[];
}

/** The configuration file as plain values, with references filled in and the place of everything. */
export interface ConfigTree {
  readonly value: unknown;
  /** By key text. The root is the empty text. */
  readonly nodes: ReadonlyMap<string, ConfigNode>;
  readonly problems: readonly ConfigProblem[];
  /** Keys whose references could not be filled in: nothing else is to be said about them. */
  readonly unfilled: ReadonlySet<string>;
}

/** More values than any honest configuration has; aliases that multiply end here. */
const MAX_NODES = 5000;
const MAX_DEPTH = 20;

/** Reads YAML and fills references in. Every problem is in `problems`; nothing is thrown. */
export function readConfigTree(text: string, source: ReferenceSource): ConfigTree {
  const counter = new LineCounter();
  const walk = new TreeWalk(counter, source);
  try {
    const document = parseDocument(text, {
      lineCounter: counter,
      prettyErrors: false,
      stringKeys: true,
      strict: true,
      // Its own search for repeated keys compares every key with every other: minutes for a file of 1 MiB.
      uniqueKeys: false,
    });
    return walk.read(document);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return walk.fail('is nested too deeply');
  }
}

class TreeWalk {
  private readonly nodes = new Map<string, ConfigNode>();
  private readonly problems: ConfigProblem[] = [];
  private readonly unfilled = new Set<string>();
  private targets: ReadonlyMap<Alias, Node> = new Map();
  private count = 0;

  constructor(
    private readonly counter: LineCounter,
    private readonly source: ReferenceSource,
  ) {}

  read(document: Document.Parsed): ConfigTree {
    this.problems.push(...this.syntaxProblems(document));
    this.nodes.set('', { key: this.place(0), value: this.place(0), written: null, origins: [] });
    this.targets = aliasTargets(document);
    const value = document.errors.length === 0 ? this.plain(document.contents, []) : undefined;
    const whole = this.count <= MAX_NODES ? value : undefined;
    return { value: whole, nodes: this.nodes, problems: this.problems, unfilled: this.unfilled };
  }

  /** The first syntax error of each line: those that follow on the same line are echoes of it. */
  private syntaxProblems(document: Document.Parsed): ConfigProblem[] {
    const errors = [...document.errors, ...document.warnings];
    const exhausted = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
    const byLine = new Map<number, ConfigProblem>();
    for (const error of exhausted === undefined ? errors : [exhausted]) {
      const place = this.place(error.pos[0]);
      if (!byLine.has(place.line))
        byLine.set(place.line, { ...place, key: '', message: syntaxMessage(error.code) });
    }
    return [...byLine.values()];
  }

  fail(message: string): ConfigTree {
    const problems = [{ line: 1, column: 1, key: '', message }];
    return { value: undefined, nodes: this.nodes, problems, unfilled: this.unfilled };
  }

  /** A node as a plain value; its children are noted under their key texts. */
  private plain(node: Node | null, path: KeyPath): unknown {
    this.count += 1;
    if (this.count > MAX_NODES || path.length > MAX_DEPTH) {
      this.complain(node, path, 'has too many values, or is nested too deeply; are aliases multiplying it?');
      return undefined;
    }
    if (isAlias(node)) {
      const target = this.targets.get(node);
      if (target === undefined) this.complain(node, path, 'is an alias (*name) that has no anchor');
      return this.plain(target ?? null, path);
    }
    if (isMap<Node, Node | null>(node)) {
      const group: Record<string, unknown> = {};
      for (const pair of node.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
        if (Object.hasOwn(group, name)) {
          const message = 'this key is written twice in one group';
          this.problems.push({ ...this.place(pair.key?.range?.[0] ?? 0), key: '', message });
        }
        // defineProperty: a key named __proto__ is a key like any other, and an unknown one.
        Object.defineProperty(group, name, {
          value: this.child(pair.value, [...path, name], pair.key),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      return group;
    }
    if (isSeq<Node | null>(node)) {
      return node.items.map((item, index) => this.child(item, [...path, index], item));
    }
    return isScalar(node) ? this.scalar(node.value, path) : null;
  }

  private child(node: Node | null, path: KeyPath, keyNode: Node | null): unknown {
    if (this.count > MAX_NODES) return undefined;
    const key = this.place(keyNode?.range?.[0] ?? 0);
    const origin = isScalar(node) && typeof node.source === 'string' ? node.source : null;
    const value = this.place(node?.range?.[0] ?? keyNode?.range?.[0] ?? 0);
    this.nodes.set(keyText(path), { key, value, written: origin, origins: [] });
    return this.plain(node, path);
  }

  private scalar(value: unknown, path: KeyPath): unknown {
    if (typeof value !== 'string') return value;
    const filled = interpolate(value, this.source);
    const key = keyText(path);
    const node = this.nodes.get(key);
    if (node !== undefined) this.nodes.set(key, { ...node, origins: filled.origins });
    if (filled.problems.length > 0) this.unfilled.add(key);
    for (const message of filled.problems)
      this.problems.push({ ...(node?.value ?? this.place(0)), key, message });
    return filled.text;
  }

  private complain(node: Node | null, path: KeyPath, message: string): void {
    this.problems.push({ ...this.place(node?.range?.[0] ?? 0), key: keyText(path), message });
  }

  private place(offset: number): Place {
    const { line, col } = this.counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** What each alias stands for: the nearest anchor of its name before it. In one pass, where `Alias.resolve` takes one each. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node: (_key, node) => {
      const target = isAlias(node) ? anchors.get(node.source) : undefined;
      if (isAlias(node) && target !== undefined) targets.set(node, target);
      if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

const SYNTAX: Readonly<Record<string, string>> = {
  BAD_INDENT: 'no valid YAML: the indentation does not fit the lines above',
  BAD_SCALAR_START: 'no valid YAML: a value that begins with this character must be quoted',
  BLOCK_AS_IMPLICIT_KEY: 'no valid YAML: a second `key: value` on one line, or indented too far',
  MISSING_CHAR: 'no valid YAML: a quote, bracket or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'no valid YAML: a key must stand on one line; is a quote or colon missing above?',
  MULTIPLE_DOCS: 'a second YAML document begins here; one is allowed',
  NON_STRING_KEY: 'a key must be a plain word',
  RESOURCE_EXHAUSTION: 'is nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; YAML wants spaces',
  TAG_RESOLVE_FAILED: 'tags such as !name are not allowed',
};

/** What a syntax error means, without the text it stumbled over, which may be a secret. */
function syntaxMessage(code: string): string {
  return SYNTAX[code] ?? `no valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
}
