import { writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DIALECTS, type Dialect } from '../../../connector/load/destination.js';
import type { Explanation } from '../../../connector/reconcile/explain-line.js';
import { startDatedSite, type DatedSite } from '../../e2e/dated-site.js';
import { createTestDatabase, type TestDatabase } from '../../postgres-server.js';
import type { CliResult } from '../cli-io.js';

const INVOICE = 'G016907411';
const CONFIG: Readonly<Record<Dialect, readonly string[]>> = {
  duckdb: [],
  postgres: ['--config', 'postgres.yaml'],
};

let database: TestDatabase | undefined;
let at: DatedSite;
beforeAll(async () => {
  database = await createTestDatabase();
  const one = { invoices: [INVOICE] };
  const streams = {
    ...{ billed_usage: one, billed_reconciliation: one },
    ...{ unbilled_usage: null, unbilled_reconciliation: null },
  };
  const invoices = [{ id: INVOICE, month: '2026-10', currency: 'EUR' }];
  at = await startDatedSite(
    '2026-11-20',
    { invoices, reconciliationRows: 60 },
    { streams, archive: './archive' },
  );
  const auth = { token: '${env:GRAPH_TOKEN}', partner_center_token: '${env:PARTNER_CENTER_TOKEN}' };
  const other = { destination: { type: 'postgres', url: database.url }, spool: './postgres-spool' };
  const settings = { source: { auth }, streams, archive: './postgres-archive', ...other };
  writeFileSync(join(at.folder, 'postgres.yaml'), at.sandbox.configuration(settings));
  await syncBoth();
  at.sandbox.overcharge(INVOICE);
  await syncBoth('--invoice', INVOICE);
}, 60_000);
afterAll(async () => {
  await at.close();
  await database?.drop();
});

async function syncBoth(...argv: string[]): Promise<void> {
  for (const dialect of DIALECTS) {
    const { exitCode } = await at.cli(['sync', '--quiet', ...CONFIG[dialect], ...argv]);
    expect(exitCode).toBe(0);
  }
}

interface Document {
  readonly found: number;
  readonly lines: readonly Explanation[];
  readonly nearest: readonly Readonly<Record<string, string>>[];
  readonly sums: readonly Readonly<Record<string, string>>[];
}
const documentOf = ({ out }: CliResult): Document => JSON.parse(out) as Document;

/** What is another in each database: load ids, instants of publishing, where the archive is. */
const COMPARABLE = (text: string): string =>
  text
    .replace(/\d{8}T\d{9}Z-[0-9a-f]{8}/g, 'LOAD')
    .replace(/2026-11-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?/g, 'INSTANT');

describe.each(DIALECTS)('explain, in %s', (dialect) => {
  const run = (...argv: string[]) => at.cli(['explain', '--invoice', INVOICE, ...argv, ...CONFIG[dialect]]);
  const rows = async (sql: string) => {
    const { out } = await at.cli(['query', sql, '--format', 'json', ...CONFIG[dialect]]);
    return JSON.parse(out) as Record<string, string>[];
  };

  it('writes out how a line of usage is computed, the days behind it, and the line as it came', async () => {
    const [line] = await rows(
      `SELECT line_item_key, subtotal, billable_quantity, _blob_name, _line_number FROM csp.billed_reconciliation
       WHERE meter_description IS NOT NULL AND billable_quantity > 1 ORDER BY subtotal DESC, line_item_key`,
    );
    const { exitCode, out } = await run('--line', line?.['line_item_key']?.toUpperCase() ?? '');
    expect(exitCode).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^  product: \\S+ x ${line?.['billable_quantity'] ?? ''} = \\S+, cut to \\S+ USD, x rate 0\\.846202666 = \\S+, cut to \\S+ EUR$`,
        'm',
      ),
    );
    const [, records, days, quantity] =
      /^daily usage behind it: (\d+) rows? on (\d+) days?, quantity (\S+), before tax \S+$/m.exec(out) ?? [];
    expect(quantity).toBe(line?.['billable_quantity']);
    expect(out.match(/^2026-10-\d\d /gm)).toHaveLength(Number(days));
    expect(Number(records)).toBeGreaterThanOrEqual(Number(days));
    expect(out).toContain(`blob ${line?.['_blob_name'] ?? ''}, line ${line?.['_line_number'] ?? ''}, load `);
    const raw = JSON.parse(/^ {2}as it came: (.*)$/m.exec(out)?.[1] ?? '') as Record<string, unknown>;
    expect(raw).toMatchObject({ InvoiceNumber: INVOICE, Subtotal: Number(line?.['subtotal']) });
  });

  it('finds a line by its amount, with its restatement, and both recipes where neither gives it', async () => {
    const [changed] = await rows(
      "SELECT line_item_key, right_amount FROM csp.recon_snapshot_changes WHERE stream = 'billed_reconciliation'",
    );
    const amount = changed?.['right_amount'] ?? '';
    const { exitCode, out } = await run('--amount', `${amount}0`);
    expect(exitCode).toBe(0);
    expect(out).toContain(`line ${changed?.['line_item_key'] ?? ''}/`);
    expect(out).toMatch(
      new RegExp(`^neither recipe gives the subtotal ${amount}: the nearer one is 1 away`, 'm'),
    );
    expect(out).toMatch(/^ {2}unit: \S+ x rate \S+ = \S+, cut to \S+ EUR, x \S+ = \S+ EUR$/m);
    expect(out).toMatch(new RegExp(`^  the line: changed at .*: \\S+ to ${amount} EUR$`, 'm'));
    expect(out).toContain('the line has no meter: it charges no daily usage');
  });

  it('shows credits and the other lines of the same event', async () => {
    const [credit] = await rows(
      `SELECT c.line_item_key AS credit, o.line_item_key AS line FROM csp.billed_reconciliation c
       JOIN csp.billed_reconciliation o ON o.reference_id = c.reference_id AND o.line_item_key <> c.line_item_key
       WHERE lower(c.charge_type) = 'customercredit' ORDER BY 1, 2`,
    );
    const [found] = documentOf(await run('--line', credit?.['line'] ?? '', '--format', 'json')).lines;
    expect(found?.related.find((row) => row['line_item_key'] === credit?.['credit'])).toMatchObject({
      why: 'same event',
      charge_type: 'customerCredit',
    });
  });

  it('says what was looked for where nothing is found, with the nearest amounts, and ends with 2', async () => {
    const nothing = await run('--amount', '-0.07', '--customer', 'nobody');
    expect([nothing.exitCode, nothing.out]).toEqual([
      2,
      `no line was found: billed_reconciliation of ${INVOICE}, customer nobody, subtotal or total -0.07\n`,
    ]);
    const near = documentOf(await run('--amount', '0.07', '--format', 'json'));
    expect([near.found, near.nearest.length]).toEqual([0, 5]);
    const [sum] = await rows('SELECT sum(subtotal) AS amount FROM csp.billed_reconciliation');
    const whole = await run('--amount', sum?.['amount'] ?? '');
    expect([whole.exitCode, whole.out]).toEqual([
      2,
      expect.stringMatching(/but it is what \d+ lines add up to: all lines/),
    ]);
    const unknown = await at.cli(['explain', '--invoice', 'G000000001', ...CONFIG[dialect]]);
    expect([unknown.exitCode, unknown.out]).toEqual([2, '']);
  });
});

describe('explain', () => {
  it('tells the same of the five largest lines in both databases', async () => {
    const [duckdb, postgres] = await Promise.all(
      DIALECTS.map(
        async (dialect) => (await at.cli(['explain', '--invoice', INVOICE, ...CONFIG[dialect]])).out,
      ),
    );
    expect(duckdb).toMatch(/^\d+ lines of billed_reconciliation of G016907411; the 5 largest are explained/);
    expect(COMPARABLE(duckdb ?? '')).toBe(COMPARABLE(postgres ?? ''));
  });

  it('says why the line itself cannot be shown where the archive does not have it', async () => {
    const without = async () => (await at.cli(['explain', '--invoice', INVOICE, '--amount', '1'])).exitCode;
    await rename(join(at.folder, 'archive'), join(at.folder, 'archive-elsewhere'));
    expect(await without()).toBe(2);
    const { out } = await at.cli(['explain', '--invoice', INVOICE]);
    expect(out).toMatch(/^ {2}as it came: cannot be shown: the archive has no package of eTag /m);
  });
});
