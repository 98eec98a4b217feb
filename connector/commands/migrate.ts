import { configuredTolerances } from '../../schemas/config-tolerance.js';
import type { CommandContext } from '../command-context.js';
import { withSession } from './with-destination.js';

/** Options of `partner-billing migrate`. */
export interface MigrateOptions {
  readonly sql?: boolean;
}

/** `partner-billing migrate`: applies pending migrations, or with `--sql` prints them and changes nothing. */
export async function migrate(context: CommandContext, options: MigrateOptions): Promise<number> {
  const loaded = await context.loadConfig();
  if (options.sql === true) {
    const pending = await withSession(context, loaded, 'read', (session) => session.pendingMigrations());
    for (const { name, sql } of pending) await context.print(`-- ${name}\n${sql.trimEnd()}\n`);
    if (pending.length === 0) await context.tell('no migration is pending');
    return 0;
  }
  const { label, applied } = await withSession(context, loaded, 'write', async (session, destination) => {
    const migrated = await session.migrate();
    await session.keepTolerances(configuredTolerances(loaded.config.tolerance));
    return { label: destination.label, applied: migrated };
  });
  await context.tell(
    applied.length === 0 ? `${label}: no migration was pending` : `${label}: applied ${applied.join(', ')}`,
  );
  return 0;
}
