import { z } from 'zod';
import type { KeyPath } from './config-problem.js';
import { valueAt } from './config-value-at.js';

/**
 * The keys that the schema allows in the group at `path`. Where the group has several forms (`method`, `type`), those
 * of the form that `root`, the configuration as it came, chose; of every form where it chose none.
 */
export function allowedKeys(schema: z.core.$ZodType, path: KeyPath, root: unknown): string[] {
  return [...new Set(groupsAt(schema, path, root).flatMap((group) => Object.keys(group.shape)))];
}

function groupsAt(schema: z.core.$ZodType, path: KeyPath, value: unknown): z.ZodObject[] {
  const plain = unwrapped(schema);
  const [step, ...rest] = path;
  if (plain instanceof z.ZodDiscriminatedUnion) {
    const options = plain.options.filter((option): option is z.ZodObject => option instanceof z.ZodObject);
    const chosen = options.filter((option) => {
      const discriminator = (option.shape as z.core.$ZodShape)[plain.def.discriminator];
      const wanted = valueAt(value, [plain.def.discriminator]);
      return discriminator instanceof z.ZodLiteral && discriminator.value === wanted;
    });
    return (chosen.length > 0 ? chosen : options).flatMap((option) => groupsAt(option, path, value));
  }
  if (plain instanceof z.ZodObject) {
    if (step === undefined) return [plain];
    const inner: z.core.$ZodType | undefined = (plain.shape as z.core.$ZodShape)[step];
    return inner === undefined ? [] : groupsAt(inner, rest, valueAt(value, [step]));
  }
  if (plain instanceof z.ZodRecord && step !== undefined)
    return groupsAt(plain.valueType, rest, valueAt(value, [step]));
  if (plain instanceof z.ZodArray && step !== undefined)
    return groupsAt(plain.element, rest, valueAt(value, [step]));
  return [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.def.in) : schema;
}
