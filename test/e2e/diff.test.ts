import { afterEach, describe, expect, it } from 'vitest';
import { addDecimals } from '../../connector/load/add-decimals.js';
import { runCli } from '../connector/cli-io.js';
import { startSite, type Site } from './site.js';

const INVOICE = 'G016907411';
const USAGE = { stream: 'billed_usage', invoice: INVOICE } as const;
const NONE = { billed_reconciliation: null, unbilled_usage: null, unbilled_reconciliation: null };

let site: Site | undefined;

afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function restatedSite(): Promise<Site> {
  const at = (site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    { invoices: [{ id: INVOICE, month: '2026-10', currency: 'USD' }] },
    { streams: { ...NONE, billed_usage: { invoices: [INVOICE] } } },
  ));
  expect((await at.sync()).outcome).toBe('1 published');
  at.sandbox.restate(USAGE, { changed: 2, added: 1, removed: 1 });
  expect((await at.sync({ invoices: [INVOICE] })).outcome).toBe('1 published');
  return at;
}

interface DiffDocument {
  readonly stream: string;
  readonly from: { readonly eTag: string };
  readonly to: { readonly eTag: string };
  readonly changes: readonly {
    readonly change: string;
    readonly moved: string;
    readonly columns?: readonly { readonly column: string; readonly before: string | null }[];
    readonly after?: Readonly<Record<string, string | null>>;
  }[];
  readonly lines: { readonly added: number; readonly removed: number; readonly changed: number };
  readonly money: Readonly<Record<string, { readonly moved: string }>>;
}

describe('diff', () => {
  it('shows what Microsoft restated as a table, JSON and CSV, and the money it moved is the difference of the sums', async () => {
    const at = await restatedSite();
    const run = (...argv: string[]) => runCli(['diff', INVOICE, ...argv], { cwd: at.folder });

    const json = await run('--format', 'json');
    expect(json.exitCode).toBe(0);
    const [found, ...more] = JSON.parse(json.out) as DiffDocument[];
    expect(more).toEqual([]);
    expect(found).toMatchObject({ stream: 'billed_usage', lines: { added: 1, removed: 1, changed: 2 } });
    expect(found?.changes.map(({ change }) => change).sort()).toEqual([
      'added',
      'changed',
      'changed',
      'removed',
    ]);
    const changed = found?.changes.filter(({ change }) => change === 'changed') ?? [];
    for (const { columns } of changed) expect(columns?.length).toBeGreaterThan(0);
    expect(found?.changes.find(({ change }) => change === 'added')?.after).toMatchObject({
      invoice_number: INVOICE,
    });
    const [old, now] = await at.query(
      `select json_extract_string(sums, '$.USD') from csp._snapshots order by published_at`,
    );
    const moved = addDecimals(now?.[0] ?? '', `-${old?.[0] ?? ''}`);
    expect(found?.money).toMatchObject({ USD: { moved } });
    expect(found?.changes.map((line) => line.moved).reduce(addDecimals, '0')).toBe(moved);

    const table = await run();
    expect(table.exitCode).toBe(0);
    expect(table.out).toContain(`billed_usage ${INVOICE}: eTag ${found?.from.eTag ?? ''} (published `);
    expect(table.out).toContain('2 lines changed, 1 line added, 1 line removed');
    expect(table.out).toMatch(new RegExp(`^USD .* ${moved.replaceAll('.', '\\.')}$`, 'm'));

    const csv = await run('--format', 'csv', '--stream', 'billed_usage');
    const [head = '', ...rows] = csv.out.trimEnd().split('\r\n');
    expect(head).toMatch(/^stream,scope,from_etag,to_etag,change,customer_id,.*,column,before,after,moved$/);
    expect(
      rows
        .map((row) => row.split(',').at(-1) ?? '')
        .filter((text) => text !== '')
        .reduce(addDecimals, '0'),
    ).toBe(moved);
    expect(csv.err).toContain('2 lines changed, 1 line added, 1 line removed');
    expect((await run('--format', 'csv', '--quiet')).err).not.toContain('lines changed');
  });

  it('compares the snapshots that are named, and says what it cannot compare', async () => {
    const at = await restatedSite();
    const run = (...argv: string[]) => runCli(['diff', ...argv], { cwd: at.folder });
    const [first, second] = (await at.query('select etag from csp._snapshots order by published_at')).flat();
    const named = await run(`billed_usage:${INVOICE}`, '--from', first ?? '', '--to', second ?? '');
    expect([named.exitCode, named.out]).toEqual([0, (await run(INVOICE)).out]);
    for (const [argv, message] of [
      [[INVOICE, '--from', second ?? ''], 'is not older than the other one'],
      [[INVOICE, '--from', 'never-seen'], '--from never-seen was never published'],
      [[INVOICE, '--to', first ?? ''], `nothing was published before ${first ?? ''}`],
      [['G000000001'], 'nothing was ever published of it'],
      [['2026-11-USD'], 'keeps no history'],
      [[INVOICE, '--stream', 'unbilled_usage'], 'unbilled_usage keeps no history'],
    ] as const) {
      const refused = await run(...argv);
      expect([argv, refused.exitCode, refused.out]).toEqual([argv, 2, '']);
      expect(refused.err).toContain(message);
    }
    const empty = await run(INVOICE, '--stream', 'billed_reconciliation');
    expect([empty.exitCode, empty.err]).toEqual([2, expect.stringContaining('nothing was ever published')]);
  });

  it('has nothing to compare while there is one snapshot only', async () => {
    const at = (site = await startSite(
      { type: 'duckdb', path: './billing.duckdb' },
      { invoices: [{ id: INVOICE, month: '2026-10', currency: 'USD' }] },
      { streams: { ...NONE, billed_usage: { invoices: [INVOICE] } } },
    ));
    await at.sync();
    const { exitCode, out, err } = await runCli(['diff', INVOICE, '--format', 'json'], { cwd: at.folder });
    expect([exitCode, JSON.parse(out)]).toEqual([0, []]);
    expect(err).toContain('only one snapshot was ever published');
  });
});
