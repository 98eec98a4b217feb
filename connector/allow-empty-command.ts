import { scopeText, type Scope } from '../schemas/scope.js';

/** The command by which a person says that a scope has no data: hints name it. */
export function allowEmptyCommand(scope: Scope): string {
  return `partner-billing sync --allow-empty ${scope.stream}:${scopeText(scope)}`;
}
