import type { KeyPath } from './config-problem.js';

/** What a path of the configuration holds; undefined where it ends earlier. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    root,
  );
}

/** The configuration with another value at a path; a path that leads nowhere changes nothing. */
export function withValueAt(root: unknown, path: KeyPath, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof root !== 'object' || root === null) return root;
  const inner = withValueAt((root as Record<string | number, unknown>)[step], rest, value);
  if (Array.isArray(root)) return root.map((item: unknown, index) => (index === step ? inner : item));
  return { ...root, [step]: inner };
}
