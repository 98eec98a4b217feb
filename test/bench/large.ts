import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Table from 'cli-table3';
import { measureCommands, type CommandMeasurement } from './large-commands.js';
import { ownCpu, serverCpu, type ReadCpu } from './large-cpu.js';
import { duckdbWarehouse, inDuckdb, warehouseDigest } from './large-duckdb.js';
import { BOUNDS, measureView, sumsOfInvoice, type Engine, type LargeMeasurement } from './large-measure.js';
import { inPostgres, postgresWarehouse } from './large-postgres.js';
import { duckdbQuery, postgresQuery, type RunQuery } from './large-query.js';
import { monthSize, usageRows } from './large-size.js';
import { largeViews, type LargeView } from './large-views.js';

/** What `npm run bench -- --large` saw. */
export interface LargeResult {
  readonly measurements: readonly LargeMeasurement[];
  readonly commands: readonly CommandMeasurement[];
  /** A sentence for each thing that is not as it should be; a bound that is broken is one. */
  readonly failures: readonly string[];
}

/**
 * Measures every check and report of an invoice that is a tenth of a warehouse, on both engines, then `reconcile` and
 * `explain` of it. The warehouses are made once and kept in the cache.
 * @param rows of usage in the warehouse, about
 * @param wanted the views to look at, all where none is named, and whether to run the commands
 */
export async function measureLarge(
  rows: number,
  cache: string,
  wanted: { readonly views: readonly string[]; readonly commands: boolean },
): Promise<LargeResult> {
  const size = monthSize(rows);
  const folder = join(cache, `large-${rows}-${warehouseDigest(size)}`);
  await mkdir(folder, { recursive: true });
  say(`making or finding ten invoices of ${usageRows(size)} rows of usage in DuckDB ...`);
  const path = await duckdbWarehouse(folder, size);
  say('making or finding the same in Postgres ...');
  const server = await postgresWarehouse(folder, path);
  try {
    const views = largeViews(size).filter(
      ({ view }) => wanted.views.length === 0 || wanted.views.includes(view),
    );
    const measurements = [
      ...(await inDuckdb(path, (connection) =>
        measureAll('duckdb', views, { run: duckdbQuery(connection), cpu: ownCpu }),
      )),
      ...(await inPostgres(server.url, async (client) =>
        measureAll('postgres', views, { run: postgresQuery(client), cpu: await serverCpu(client) }),
      )),
    ];
    const commands = wanted.commands ? await measureCommands({ path, url: server.url, folder }) : [];
    return { measurements, commands, failures: failuresOf(measurements, commands) };
  } finally {
    await server.stop();
  }
}

async function measureAll(
  engine: Engine,
  views: readonly LargeView[],
  of: { readonly run: RunQuery; readonly cpu: ReadCpu },
): Promise<LargeMeasurement[]> {
  const sums = await sumsOfInvoice(of.run);
  const measured: LargeMeasurement[] = [];
  for (const view of views) {
    const one = await measureView(engine, of, view, sums);
    say(`${engine} ${view.view}: ${one.seconds.toFixed(2)} s, CPU ${one.cpuSeconds?.toFixed(2) ?? '?'} s`);
    measured.push(one);
  }
  return measured;
}

function failuresOf(
  measurements: readonly LargeMeasurement[],
  commands: readonly CommandMeasurement[],
): readonly string[] {
  const failures = measurements.flatMap(({ view, engine, seconds, wrong }) => [
    ...wrong.map((what) => `${view} on ${engine}: ${what}`),
    ...(seconds < BOUNDS[engine] ? [] : [`${view} on ${engine} took ${seconds.toFixed(1)} s`]),
  ]);
  const apart = measurements.filter(({ view, digest }) =>
    measurements.some((other) => other.view === view && other.digest !== digest),
  );
  return [
    ...failures,
    ...new Set(apart.map(({ view }) => `${view} has other rows on one engine than on the other`)),
    ...commands.flatMap(({ wrong }) => wrong),
  ];
}

/** One table of all, then what failed. */
export function printLarge({ measurements, commands, failures }: LargeResult): void {
  const table = new Table({
    head: ['view or command', 'engine', 'seconds', 'CPU s', 'rows', 'bound', 'within?'],
    style: { head: [], border: [] },
  });
  for (const { view, engine, seconds, cpuSeconds, rows } of measurements) {
    const bound = BOUNDS[engine];
    const cpu = cpuSeconds?.toFixed(2) ?? '';
    table.push([view, engine, seconds.toFixed(2), cpu, rows, `${bound} s`, seconds < bound ? 'yes' : 'NO']);
  }
  for (const { command, engine, seconds } of commands)
    table.push([command, engine, seconds.toFixed(2), '', '', '', '']);
  process.stdout.write(`${table.toString()}\n`);
  const said = failures.length === 0 ? ['ok   every view says what the month implies, the same on both'] : [];
  for (const line of [...said, ...failures.map((failure) => `FAIL ${failure}`)])
    process.stdout.write(`${line}\n`);
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}
