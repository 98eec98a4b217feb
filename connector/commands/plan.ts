import { scopeText } from '../../schemas/scope.js';
import type { StreamName } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import { planRun, type Plan } from '../plan.js';
import { countOf } from '../quantity-text.js';
import { EVERYTHING } from '../selection.js';
import { stockOf } from '../spool-stock.js';
import { textTable } from '../text-table.js';
import { readRecorded } from './recorded.js';

/** Options of `partner-billing plan`. */
export interface PlanOptions {
  readonly stream?: readonly StreamName[];
  readonly invoice?: readonly string[];
  readonly allowEmpty?: readonly string[];
  readonly json?: boolean;
}

/**
 * `partner-billing plan`: what `sync` would export with the same options, and why; and why it would leave the rest.
 * Nothing is sent: invoices are those of the list as it was last recorded.
 */
export async function plan(context: CommandContext, options: PlanOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const now = context.io.clock.now();
  const selection = {
    ...EVERYTHING,
    streams: options.stream ?? [],
    invoices: options.invoice ?? [],
    allowEmpty: options.allowEmpty ?? [],
  };
  const { state, spool } = await readRecorded(context, loaded);
  const unfinished = spool === null ? [] : (await stockOf(spool, state, now)).usable;
  const planned = planRun(loaded.config, state, selection, now, unfinished);
  for (const warning of planned.warnings) await context.warn(warning);
  if (options.json === true) await context.printJson(planJson(planned));
  else await context.print(planText(planned));
  return 0;
}

function planJson(planned: Plan) {
  return {
    exports: planned.exports.map(({ request, reason }) => ({
      stream: request.scope.stream,
      scope: scopeText(request.scope),
      attributeSet: request.attributeSet,
      ...(request.period === undefined ? {} : { period: request.period }),
      reason,
    })),
    left: planned.left.map(({ scope, reason, nextCheckAt }) => ({
      stream: scope.stream,
      scope: scopeText(scope),
      reason,
      nextCheckAt,
    })),
    warnings: planned.warnings,
  };
}

function planText(planned: Plan): string {
  const exports = textTable(
    [{ title: 'stream' }, { title: 'scope' }, { title: 'asked for as' }, { title: 'reason' }],
    planned.exports.map(({ request, reason }) => [
      request.scope.stream,
      scopeText(request.scope),
      [request.attributeSet, ...(request.period === undefined ? [] : [request.period])].join(', '),
      reason,
    ]),
  );
  const left = textTable(
    [{ title: 'stream' }, { title: 'scope' }, { title: 'reason' }],
    planned.left.map(({ scope, reason }) => [scope.stream, scopeText(scope), reason]),
  );
  return [
    planned.exports.length === 0
      ? 'nothing would be exported'
      : `sync would ask for ${countOf(planned.exports.length, 'export')}:`,
    ...(planned.exports.length === 0 ? [] : [exports]),
    ...(planned.left.length === 0
      ? []
      : ['', `${countOf(planned.left.length, 'recorded scope')} would be left alone:`, left]),
  ].join('\n');
}
