import { resolve } from 'node:path';
import type { CommandContext } from '../command-context.js';
import type { QueryFormat } from '../query-output.js';
import { queryCommand } from './query.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing query`. */
export interface QueryArguments {
  readonly format: QueryFormat;
  readonly output?: string;
}

/** `partner-billing query "SQL"`: runs the statement on the configured destination, see `queryCommand`. */
export async function query(context: CommandContext, sql: string, options: QueryArguments): Promise<number> {
  const loaded = await context.loadConfig();
  const { cwd, stdout } = context.io;
  const output = options.output === undefined ? undefined : resolve(cwd, options.output);
  await withDestination(context, loaded, (destination) =>
    queryCommand({ config: loaded.config, destination, sql, format: options.format, output, stdout }),
  );
  return 0;
}
