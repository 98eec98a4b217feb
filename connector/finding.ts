import { asConnectorError, EXIT_CODES, type ErrorKind } from '../schemas/errors.js';
import type { CheckLine } from './load/destination.js';

const RESULTS = ['ok', 'failed', 'not proven'] as const;

/** What `check` found out about one thing; `kind` says who must act on a failure. */
export interface Finding extends CheckLine {
  readonly kind?: ErrorKind;
}

/** Tries something; an error becomes a failed finding that says what to do. */
export async function tried(what: string, attempt: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await attempt();
  } catch (thrown) {
    const error = asConnectorError(thrown);
    return [{ tried: what, result: 'failed', detail: `${error.message}; ${error.hint}`, kind: error.kind }];
  }
}

/** Exit code of all findings: 0 if nothing failed, 3 if only what may pass by itself failed, otherwise 2. */
export function checkExitCode(findings: readonly Finding[]): number {
  const failed = findings.filter((finding) => finding.result === 'failed');
  if (failed.length === 0) return 0;
  return failed.every((finding) => finding.kind === 'transient') ? EXIT_CODES.transient : EXIT_CODES.config;
}

/** Findings for people: a line each, and a count at the end. Pure. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...RESULTS.map((result) => result.length));
  const lines = findings.map(
    ({ result, tried: what, detail }) => `${result.padEnd(width)}  ${what}: ${detail}`,
  );
  const counts = RESULTS.map(
    (result) => `${findings.filter((finding) => finding.result === result).length} ${result}`,
  );
  return [...lines, '', counts.join(', ')].join('\n');
}
