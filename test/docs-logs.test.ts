import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { EVENT_LEVELS } from '../connector/progress-log.js';
import { RETRY_REASONS } from '../schemas/progress.js';
import { documentedRows } from './documented-rows.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The events that the schema declares, each with its fields, read from the source of the type. */
function declaredEvents(): Map<string, string[]> {
  const source = ts.createSourceFile(
    'progress.ts',
    read('schemas/progress.ts'),
    ts.ScriptTarget.Latest,
    true,
  );
  const declared = source.statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === 'ProgressEvent',
  );
  const members =
    declared !== undefined && ts.isTypeAliasDeclaration(declared) && ts.isUnionTypeNode(declared.type)
      ? declared.type.types.filter(ts.isTypeLiteralNode)
      : [];
  return new Map(
    members.map((member) => {
      const properties = member.members.filter(ts.isPropertySignature);
      const name = properties.find((property) => property.name.getText() === 'event')?.type?.getText() ?? '';
      const fields = properties
        .map((property) => property.name.getText())
        .filter((field) => field !== 'event');
      return [name.slice(1, -1), fields] as const;
    }),
  );
}

describe('docs/logs.md', () => {
  const page = read('docs/logs.md');
  const rows = documentedRows(page, '### Events of a run');

  it('lists exactly the events of the schema, each with exactly its fields', () => {
    const declared = declaredEvents();
    expect(declared.size).toBeGreaterThan(10);
    const documented = rows.map(([event = '', , fields = '']) => [event, fields.split(', ')] as const);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(declared));
    expect(rows).toHaveLength(declared.size);
  });

  it('says at which level each is logged', () => {
    expect(Object.fromEntries(rows.map(([event, level]) => [event, level]))).toEqual(EVENT_LEVELS);
  });

  it('lists the reasons of retries', () => {
    const meaning = rows.find(([event]) => event === 'retried')?.[3] ?? '';
    expect(meaning.split('one of ')[1]?.split(', ')).toEqual([...RETRY_REASONS]);
  });
});
