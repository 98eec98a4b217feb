import { scopeText, type Scope } from '../schemas/scope.js';

/** The command that puts a scope right which differs from what was published: hints name it. */
export function reloadCommand(scope: Scope): string {
  return `partner-billing sync --reload ${scope.stream}:${scopeText(scope)}`;
}
