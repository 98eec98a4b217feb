import type { CommandContext } from '../command-context.js';

/** Options of `partner-billing explain`. */
export interface ExplainOptions {
  readonly invoice: string;
  readonly customer?: string;
  /** Canonical decimal text. */
  readonly amount?: string;
  readonly line?: string;
  readonly format: 'table' | 'json';
}

export async function explain(context: CommandContext, options: ExplainOptions): Promise<number> {
  await context.print(JSON.stringify(options));
  return 0;
}
