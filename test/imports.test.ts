import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDERS = ['connector', 'schemas', 'transforms'];

/** Every import of every source file, `import type`, `export from` and `import()` included, as paths from the root. */
function importsOf(file: string): string[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(ROOT, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push(node.moduleSpecifier.text);
    }
    if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    ) {
      found.push(node.argument.literal.text);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteral(argument)) found.push(argument.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  // AssemblyScript names files without an extension.
  return found.map((specifier) =>
    specifier.startsWith('.')
      ? relative(ROOT, resolve(ROOT, dirname(file), specifier)).replace(/(\.js)?$/, '.ts')
      : specifier,
  );
}

const FILES = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file)]));

function offenders(from: string, forbidden: (target: string) => boolean): string[] {
  return [...IMPORTS]
    .filter(([file]) => file.startsWith(from))
    .flatMap(([file, targets]) => targets.filter(forbidden).map((target) => `${file} -> ${target}`));
}

const isOurs = (target: string) =>
  FOLDERS.some((folder) => target.startsWith(`${folder}/`)) || target.startsWith('test/');

describe('imports', () => {
  it('finds the source files it is to check', () => {
    expect(FILES.length).toBeGreaterThan(20);
    expect(IMPORTS.get('connector/sync.ts')).toContain('connector/plan.ts');
  });

  it('of schemas name nothing of ours outside schemas', () => {
    expect(offenders('schemas/', (target) => isOurs(target) && !target.startsWith('schemas/'))).toEqual([]);
  });

  it('of transforms name schemas only, and nothing that touches the world', () => {
    const world =
      /^(node:)?(fs|fs\/promises|http|https|net|tls|os|child_process|process|worker_threads|timers.*)$/;
    expect(
      offenders('transforms/', (target) => {
        const outside = isOurs(target) && !target.startsWith('schemas/') && !target.startsWith('transforms/');
        return outside || world.test(target);
      }),
    ).toEqual([]);
  });

  it('of extract and load never name each other, nor transforms', () => {
    const forbidden = (other: string) => (target: string) =>
      target.startsWith(`connector/${other}/`) || target.startsWith('transforms/');
    expect(offenders('connector/extract/', forbidden('load'))).toEqual([]);
    expect(offenders('connector/load/', forbidden('extract'))).toEqual([]);
  });

  it('of all stages meet in the files of the main job only', () => {
    const stage = (target: string) =>
      target.startsWith('connector/extract/')
        ? 'extract'
        : target.startsWith('connector/load/')
          ? 'load'
          : null;
    const both = [...IMPORTS].filter(([file, targets]) => {
      const stages = new Set([stage(file), ...targets.map(stage)].filter((name) => name !== null));
      return stages.size > 1;
    });
    expect(both.map(([file]) => file).sort()).toEqual(['connector/commands/check.ts']);
  });

  it('make no cycle, type imports included', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (path.includes(file) || done.has(file)) return;
      for (const target of IMPORTS.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of FILES) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('name only files that exist', () => {
    const missing = [...IMPORTS].flatMap(([file, targets]) =>
      targets
        .filter((target) => isOurs(target) && !IMPORTS.has(target) && !target.endsWith('.json'))
        .map((target) => `${file} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });
});
