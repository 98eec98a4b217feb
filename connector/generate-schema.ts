#!/usr/bin/env node
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configSchema } from '../schemas/config.js';
import { isMainModule } from './main-module.js';
import { packageRoot } from './package-info.js';

type Json = Record<string, unknown>;

const REFERENCE = { type: 'string', pattern: '\\$\\{(env|file):[^}]+\\}' };
/** What a place in the JSON Schema says of any value; the rest says what is allowed. */
const ANNOTATIONS = ['description', 'default'];

/**
 * The JSON Schema of `connector.yaml` for editors, made from the zod schema: draft 7, which the YAML language server
 * knows best. Wherever a value is allowed, a text with a reference (`${env:NAME}`, `${file:path}`) is allowed too.
 */
export function connectorJsonSchema(): string {
  const plain = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }) as Json;
  const { $schema, description, ...rest } = withReferences(plain);
  const schema = { $schema, title: 'connector.yaml', description, ...rest };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function withReferences(schema: Json): Json {
  const inner: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties') {
      const properties = Object.entries(value as Json).map(([name, item]) => [
        name,
        withReferences(item as Json),
      ]);
      inner[key] = Object.fromEntries(properties);
    } else if (key === 'oneOf' || key === 'items') {
      inner[key] = Array.isArray(value)
        ? value.map((item: Json) => withReferences(item))
        : withReferences(value as Json);
    } else inner[key] = value;
  }
  const isGroup = schema['type'] === 'object' || 'oneOf' in schema || 'const' in schema;
  const isFree = schema['type'] === 'string' && !['pattern', 'format', 'enum'].some((key) => key in schema);
  return isGroup || isFree ? inner : orReference(inner);
}

function orReference(schema: Json): Json {
  const annotations = Object.entries(schema).filter(([key]) => ANNOTATIONS.includes(key));
  const rules = Object.entries(schema).filter(([key]) => !ANNOTATIONS.includes(key));
  const [first] = rules;
  const choices =
    rules.length === 1 && first?.[0] === 'anyOf' ? (first[1] as Json[]) : [Object.fromEntries(rules)];
  return { ...Object.fromEntries(annotations), anyOf: [...choices, REFERENCE] };
}

if (isMainModule(import.meta.url)) {
  writeFileSync(join(packageRoot(), 'schemas', 'connector.schema.json'), connectorJsonSchema());
}
