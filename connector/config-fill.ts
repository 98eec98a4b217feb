import type { z } from 'zod';
import { keyText } from './config-problem.js';
import type { ConfigTree } from './config-tree.js';
import { valueAt, withValueAt } from './config-value-at.js';

/**
 * The values of a configuration, where text that a reference filled in is read as what the schema wants there: a
 * whole number, or a list whose items are separated by commas. Text that was written in the file stays as it is.
 */
export function fillByType(schema: z.ZodType, tree: ConfigTree): unknown {
  let root = tree.value;
  const parsed = schema.safeParse(root);
  if (parsed.success) return root;
  for (const issue of parsed.error.issues) {
    const path = issue.path.filter((step) => typeof step !== 'symbol');
    const value = valueAt(root, path);
    const filled = (tree.nodes.get(keyText(path))?.origins.length ?? 0) > 0;
    if (!filled || typeof value !== 'string') continue;
    if (wantsList(issue)) root = withValueAt(root, path, listOf(value));
    else if (/^\d{1,15}$/.test(value)) root = withValueAt(root, path, Number.parseInt(value, 10));
  }
  return root;
}

function wantsList(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_union' && 'errors' in issue) return issue.errors.flat().some(wantsList);
  return issue.code === 'invalid_type' && issue.expected === 'array';
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
