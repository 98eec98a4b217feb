import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKS } from '../../../connector/reconcile/checks.js';
import { DIALECTS, type Dialect } from '../../../connector/load/destination.js';
import { holdInAnotherProcess } from '../../duckdb-process.js';
import { startDatedSite, type DatedSite } from '../../e2e/dated-site.js';
import { createTestDatabase, type TestDatabase } from '../../postgres-server.js';
import type { CliResult } from '../cli-io.js';

const INVOICE = 'G016907411';
const DAY = '2026-11-20';
const CONFIG: Readonly<Record<Dialect, readonly string[]>> = {
  duckdb: [],
  postgres: ['--config', 'postgres.yaml'],
};
/** The same destinations, where five dollars may be off in a line. */
const TOLERANT: Readonly<Record<Dialect, string>> = {
  duckdb: 'tolerant.yaml',
  postgres: 'tolerant-postgres.yaml',
};

let database: TestDatabase | undefined;
let at: DatedSite;
beforeAll(async () => {
  database = await createTestDatabase();
  const discover = { invoices: 'discover' };
  const streams = {
    ...{ billed_usage: discover, billed_reconciliation: discover },
    ...{ unbilled_usage: null, unbilled_reconciliation: null },
  };
  const invoices = [{ id: INVOICE, month: '2026-10', currency: 'USD' }];
  at = await startDatedSite(DAY, { invoices }, { streams });
  const auth = { token: '${env:GRAPH_TOKEN}', partner_center_token: '${env:PARTNER_CENTER_TOKEN}' };
  const postgres = { destination: { type: 'postgres', url: database.url }, spool: './postgres-spool' };
  const tolerance = { line_recalc: { USD: { per_unit: '5', at_most: '5' } } };
  for (const [name, settings] of [
    ['postgres.yaml', postgres],
    [TOLERANT.duckdb, { tolerance }],
    [TOLERANT.postgres, { tolerance, ...postgres }],
  ] as const)
    writeFileSync(
      join(at.folder, name),
      at.sandbox.configuration({ source: { auth }, streams, ...settings }),
    );
  await syncBoth();
}, 60_000);
afterAll(async () => {
  await at.close();
  await database?.drop();
});

/** The same invoice by name in both databases. */
async function syncBoth(...argv: string[]): Promise<void> {
  for (const dialect of DIALECTS) {
    const { exitCode, err } = await at.cli(['sync', '--quiet', ...CONFIG[dialect], ...argv]);
    expect([exitCode, err.replace(/^warning: .*\n/gm, '')]).toEqual([0, '']);
  }
}

function runner(dialect: Dialect): (...argv: string[]) => Promise<CliResult> {
  return (...argv) => at.cli([...argv, ...CONFIG[dialect]]);
}

interface Document {
  readonly verdict: {
    readonly outcome: string;
    readonly exitCode: number;
    readonly differing: readonly string[];
  };
  readonly signOffs: readonly {
    readonly signedBy: string;
    readonly despite: string | null;
    readonly changes: readonly { readonly of: string; readonly moved: Readonly<Record<string, string>> }[];
  }[];
  readonly otherTolerances: readonly string[];
  readonly checks: readonly {
    readonly name: string;
    readonly notExamined: string | null;
    readonly counts: readonly { readonly status: string; readonly rows: number }[];
    readonly rows: readonly Row[];
  }[];
}
type Row = Readonly<Record<string, string | null>>;
const documentOf = ({ out }: CliResult): Document => JSON.parse(out) as Document;

describe.each(DIALECTS)('reconcile of an invoice that is right, in %s', (dialect) => {
  const run = runner(dialect);

  it('says that everything that was checked matches, check by check, and ends with 0', async () => {
    const { exitCode, out, err } = await run('reconcile', '--invoice', INVOICE);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain(`dataset csp: invoice ${INVOICE}`);
    for (const { name } of CHECKS) expect(out).toMatch(new RegExp(`^${name} +(\\d|not examined)`, 'm'));
    expect(out).toMatch(/^usage_vs_invoice +(\d+) +\d+ +\d+ +0 +0 +0$/m);
    expect(out).toContain('everything that was checked matches (');
    expect(out).toMatch(/^unbilled_vs_billed +not examined for this filter: .*single invoices$/m);
  });

  it('gives every row as JSON, and as many as CSV; each check names columns that its view has', async () => {
    const json = documentOf(await run('reconcile', '--format', 'json'));
    expect(json.checks.map(({ name }) => name)).toEqual(CHECKS.map(({ name }) => name));
    for (const { name, counts, rows } of json.checks) {
      expect(rows.length).toBe(counts.reduce((sum, count) => sum + count.rows, 0));
      const keys = CHECKS.find((check) => check.name === name)?.keys ?? [];
      for (const row of rows.slice(0, 1)) expect(Object.keys(row)).toEqual(expect.arrayContaining([...keys]));
    }
    const csv = await run('reconcile', '--format', 'csv', '--check', 'orphans');
    const orphans = json.checks.find(({ name }) => name === 'orphans');
    expect(csv.out.trimEnd().split('\r\n')).toHaveLength((orphans?.rows.length ?? 0) + 1);
    expect(csv.err).toContain('everything that was checked matches');
  });

  it('says of a check that cannot be filtered so that it was not examined, and filters the others', async () => {
    const ids = await run(
      ...['query', 'SELECT min(customer_id) AS id FROM csp.billed_reconciliation', '--format', 'json'],
    );
    const [{ id }] = JSON.parse(ids.out) as [{ id: string }];
    const filters = ['--customer', id.toUpperCase(), '--period', '2026-10'];
    const two = ['--check', 'invoice_tieout', '--check', 'line_recalc'];
    const { checks, verdict } = documentOf(await run('reconcile', ...filters, ...two, '--format', 'json'));
    expect(verdict.outcome).toBe('all right');
    const [tieOut, recalc] = checks;
    expect(tieOut?.notExamined).toMatch(/^not examined for this filter: .*customers/);
    const customers = recalc?.rows.flatMap((row) =>
      row['status'] === 'matched' ? [row['customer_id']] : [],
    );
    expect(new Set(customers)).toEqual(new Set([id]));
    const csv = await run('reconcile', ...filters, ...two, '--format', 'csv');
    expect(csv.out).toMatch(/^invoice_tieout,,,,,not_examined,.*not examined for this filter/m);
  });

  it('never takes what was not checked for right', async () => {
    for (const filter of [
      ['--period', '2025-01'],
      ['--customer', 'nobody'],
      ['--reseller', '999'],
    ]) {
      const { exitCode, out } = await run('reconcile', '--check', 'line_recalc', ...filter);
      expect([filter, exitCode]).toEqual([filter, 7]);
      expect(out).toMatch(/^nothing was checked.*this is not "all is well".* \(exit 7\)$/m);
    }
    const never = await run(
      'reconcile',
      '--check',
      'line_recalc',
      '--period',
      '2025-01',
      '--fail-on',
      'never',
    );
    expect(never.exitCode).toBe(0);
    expect(never.out).toMatch(/^nothing was checked/m);
  });

  it('refuses an invoice that nothing is known of, and a sign-off of anything but one whole invoice', async () => {
    const unknown = await run('reconcile', '--invoice', 'G000000001');
    expect([unknown.exitCode, unknown.out]).toEqual([2, '']);
    expect(unknown.err).toContain('nothing is known of this invoice');
    for (const argv of [
      ['--sign-off', 'Ada'],
      ['--sign-off', ' ', '--invoice', INVOICE],
      ['--sign-off', 'Ada', '--invoice', INVOICE, '--check', 'line_recalc'],
      ['--despite-differences', '--invoice', INVOICE],
    ]) {
      const refused = await run('reconcile', ...argv);
      expect([argv, refused.exitCode]).toEqual([argv, 2]);
      expect(refused.err).toMatch(/sign-off/);
    }
  });

  it('records who signed the invoice off, on its snapshots and its header, with their digests', async () => {
    const signed = await run('reconcile', '--sign-off', 'Ada', '--invoice', INVOICE);
    expect(signed.exitCode).toBe(0);
    expect(signed.err).toContain(`${INVOICE}: signed off by Ada on `);
    const rows = await run(
      'query',
      `SELECT o.stream, o.signed_by, o.despite, o.rows_digest = s.rows_digest AS same_rows, o.proof_sha256 = s.proof_sha256 AS same_proof
       FROM csp.invoice_sign_offs o LEFT JOIN csp._snapshots s ON s.load_id = o.load_id ORDER BY o.stream`,
      '--format',
      'json',
    );
    const known = { signed_by: 'Ada', despite: null };
    expect(JSON.parse(rows.out)).toEqual([
      { stream: 'billed_reconciliation', ...known, same_rows: true, same_proof: true },
      { stream: 'billed_usage', ...known, same_rows: true, same_proof: true },
      { stream: 'invoices', ...known, same_rows: null, same_proof: null },
    ]);
    const again = await run('reconcile', '--check', 'fx_rates');
    expect(again.out).toMatch(new RegExp(`^${INVOICE}: signed off by Ada at 2026-11-20`, 'm'));
    const status = await run('status', '--json');
    expect(JSON.parse(status.out)).toMatchObject({ signOffs: [{ invoice: INVOICE, changes: [] }] });
  });
});

describe('reconcile of an invoice that Microsoft charged too much in, after it was signed off', () => {
  beforeAll(async () => {
    at.sandbox.overcharge(INVOICE);
    await syncBoth('--invoice', INVOICE);
  }, 60_000);

  describe.each(DIALECTS)('in %s', (dialect) => {
    const run = runner(dialect);

    it('leads with what was restated since, in money, then shows the line, and ends with 7', async () => {
      const { exitCode, out } = await run('reconcile', '--invoice', INVOICE);
      expect(exitCode).toBe(7);
      expect(out.split('\n')[0]).toMatch(
        new RegExp(
          `^${INVOICE}: signed off by Ada at .*, and is not what was signed: billed_reconciliation restated by USD \\+1 \\(\`diff ${INVOICE}\``,
        ),
      );
      expect(out).toMatch(/^line_recalc +\d+ +\d+ +\d+ +0 +1 +0 +USD 1$/m);
      expect(out).toMatch(/^G016907411 .* mismatch +USD .* 1 +0\.\d+ +neither recipe gives the subtotal/m);
      expect(out).toMatch(/^next, for mismatch: `explain --invoice ID --line KEY`/m);
      expect(out).toMatch(/^does not match: invoice_tieout, line_recalc; .*snapshot_changes.* \(exit 7\)$/m);
      const named = await run('reconcile', '--check', 'snapshot_changes');
      expect([named.exitCode, named.out]).toEqual([
        7,
        expect.stringContaining('does not match: snapshot_changes'),
      ]);
    });

    it('has status lead with it too', async () => {
      const { exitCode, out } = await run('status');
      expect(exitCode).toBe(0);
      expect(out).toMatch(/^1 thing needs a look:\n {2}- G016907411: signed off by Ada .* USD \+1/m);
    });

    it('is signed off only despite what differs, which is kept', async () => {
      const sign = ['reconcile', '--sign-off', 'Grace', '--invoice', INVOICE];
      const refused = await run(...sign);
      expect(refused.exitCode).toBe(7);
      expect(refused.out).toContain('does not match: invoice_tieout, line_recalc');
      expect(refused.err).toMatch(/not signed off: does not match: invoice_tieout, line_recalc/);
      expect(refused.err).toMatch(/^hint: .*--despite-differences/m);
      expect((await run(...sign, '--despite-differences')).exitCode).toBe(0);
      const { signOffs, verdict } = documentOf(await run('reconcile', '--format', 'json'));
      expect(verdict).toMatchObject({
        outcome: 'differs',
        exitCode: 7,
        differing: ['invoice_tieout', 'line_recalc'],
      });
      expect(signOffs).toMatchObject([{ signedBy: 'Grace', changes: [] }]);
      expect(signOffs[0]?.despite).toMatch(/^does not match: invoice_tieout, line_recalc/);
    });

    it('goes by the tolerance that the configuration has now, which changes no figure', async () => {
      const recalc = ['reconcile', '--check', 'line_recalc', '--format', 'json'];
      const strict = await run(...recalc);
      const tolerant = await at.cli([...recalc, '--config', TOLERANT[dialect]]);
      expect([strict.exitCode, tolerant.exitCode, tolerant.err]).toEqual([7, 0, '']);
      const [before, after] = [strict, tolerant].map((result) => documentOf(result).checks[0]?.rows ?? []);
      const charged = (row: Row): boolean => row['difference'] === '1';
      expect([before?.find(charged)?.['status'], after?.find(charged)]).toEqual([
        'mismatch',
        expect.objectContaining({ status: 'within_tolerance', tolerance: '5' }),
      ]);
      const figures = (rows: readonly Row[] = []) =>
        rows.map(({ left_amount, right_amount, difference }) =>
          [left_amount, right_amount, difference].join(),
        );
      expect(figures(after).sort()).toEqual(figures(before).sort());
      const [{ line_item_key: line = '' } = {}] = after?.filter(charged) ?? [];
      const explain = ['explain', '--invoice', INVOICE, '--line', line ?? ''];
      const explained = await at.cli([...explain, '--config', TOLERANT[dialect]]);
      expect(explained.out).toMatch(/is 1 away \(within_tolerance, tolerance 5\)/);
      expect((await run(...explain)).out).toMatch(/is 1 away \(mismatch, tolerance /);
      expect([(await run(...recalc)).exitCode, documentOf(await run(...recalc)).otherTolerances]).toEqual([
        7,
        [],
      ]);
    });
  });
});

describe('reconcile by another tolerance of a DuckDB file that somebody reads', () => {
  it('names the checks that go by what is kept, says what writes it, and signs nothing off', async () => {
    const reader = await holdInAnotherProcess(join(at.folder, 'partner_billing.duckdb'), 'READ_ONLY');
    const tolerant = ['--config', TOLERANT.duckdb];
    try {
      const told = await at.cli(['reconcile', '--check', 'line_recalc', '--format', 'json', ...tolerant]);
      expect(told.exitCode).toBe(7);
      expect(told.err).toMatch(
        /^warning: not the configured tolerance .*: line_recalc USD; .*`migrate` or `sync`.* is open in .*PID/m,
      );
      expect(documentOf(told).otherTolerances).toEqual(['line_recalc USD']);
      const signed = await at.cli(['reconcile', '--sign-off', 'Ada', '--invoice', INVOICE, ...tolerant]);
      expect([signed.exitCode, signed.out]).toEqual([5, '']);
    } finally {
      await reader.end();
    }
  });
});
