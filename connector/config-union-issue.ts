import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * The issues behind one about a union: those of the form that got furthest into the value, each at its own place.
 * The issue itself where no form got into it, and where it is about something else.
 */
export function innermostIssues(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union' || !('errors' in issue)) return [issue];
  const deepest = issue.errors.filter((form) => form.length > 0 && form.every(({ path }) => path.length > 0));
  const [chosen] = deepest;
  if (chosen === undefined) return [issue];
  return chosen.flatMap((inner) => innermostIssues({ ...inner, path: [...issue.path, ...inner.path] }));
}
