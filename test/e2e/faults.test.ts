import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultSetting } from '../../connector/sandbox/sandbox.js';
import { startSite, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
let site: Site;
let restatements = 0;

beforeAll(async () => {
  site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    {
      usageRows: 40,
      reconciliationRows: 10,
      invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }],
    },
    {
      streams: {
        billed_usage: { invoices: [SCOPE.invoice] },
        billed_reconciliation: null,
        unbilled_usage: null,
        unbilled_reconciliation: null,
      },
      limits: { poll_deadline: '5m' },
    },
  );
  await site.sync();
});

afterAll(async () => {
  await site.close();
});

/** One run on new data with faults switched on; the scope's summary. */
async function runWith(...faults: FaultSetting[]) {
  restatements += 1;
  site.sandbox.setFaults([]);
  // What an earlier case left unfinished would be gone on with first.
  await rm(join(site.folder, 'spool'), { recursive: true, force: true });
  site.sandbox.restate(SCOPE, { changed: 1 + (restatements % 3) });
  site.sandbox.clearRequests();
  site.sandbox.setFaults(faults);
  const summary = await site.sync();
  const scope = summary.scopes[0];
  if (scope === undefined) throw new Error('the run had no scope');
  return scope;
}

const published = async () => {
  const [row] = await site.query(
    'select count(*), cast(sum(billing_pre_tax_total) as varchar) from csp.billed_usage',
  );
  return row;
};

describe('a fault that the connector lives with', () => {
  it.each<[string, ...FaultSetting[]]>([
    ['a relative Location', 'post-relative-location'],
    ['Operation-Location', 'post-operation-location'],
    ['an operation id in the body only', 'post-body-id'],
    ['200 instead of 202', 'post-200-body'],
    ['throttling with a time to wait', 'post-429:2', 'poll-429-date:1', 'poll-503:1'],
    ['an export whose answer was cut off', 'post-cut:1'],
    ['a token that expired while polling', 'poll-401:1'],
    ['no Retry-After', 'poll-no-retry-after'],
    ['malformed timestamps', 'poll-malformed-dates'],
    ['success spelled completed', 'status-completed'],
    ['C# spelling', 'status-pascal-case'],
    ['an operation that is gone', 'poll-410:1'],
    ['an answer that is cut off', 'poll-cut:1'],
    ['a manifest behind a link', 'manifest-link'],
    ['a manifest behind a string', 'manifest-string'],
    ['legacy member names', 'manifest-legacy-names'],
    ['a SAS that begins with ?', 'manifest-sas-question-mark'],
    ['no blobCount', 'manifest-no-blob-count'],
    ['members nobody has heard of', 'manifest-unknown-members'],
    ['a manifest that is gone', 'manifest-link', 'manifest-404:1'],
    ['a SAS that expires midway', 'sas-expires-midway:1'],
    ['a connection that is cut', 'blob-cut:3'],
    ['busy storage', 'blob-503:2'],
    ['gzip with several members', 'blob-multi-member'],
    ['Content-Encoding gzip', 'blob-content-encoding'],
    ['a body already inflated', 'blob-inflated'],
    ['a storage that ignores ranges', 'blob-cut:1', 'blob-ignores-range'],
    ['CRLF, blank lines and no last newline', 'rows-crlf', 'rows-blank-lines', 'rows-no-final-newline'],
    ['a byte-order mark', 'rows-bom'],
    ['camel case names', 'rows-camel-case'],
    ['numbers as strings', 'rows-number-strings'],
  ])('%s gives the same rows and sums', async (_name, ...faults) => {
    const scope = await runWith(...faults);
    const expected = site.sandbox.expected(SCOPE);
    expect(scope.error).toBeUndefined();
    expect([scope.outcome, scope.counts?.staged, scope.sums]).toEqual([
      'published',
      expected.records,
      expected.sums,
    ]);
    expect((await published())?.[0]).toBe(String(expected.records));
  });
});

describe('a fault that the connector refuses', () => {
  it.each<[string, number, RegExp, ...FaultSetting[]]>([
    ['an export that names no operation', 6, /operation/i, 'post-no-address'],
    ['a bad request', 2, /400/, 'post-400'],
    ['a missing permission', 2, /PartnerBilling\.Read\.All/, 'post-403'],
    ['a redirect', 2, /redirect/i, 'post-redirect'],
    ['endless throttling', 3, /429/, 'post-429'],
    ['an endless outage', 3, /503/, 'poll-503'],
    ['a status that nobody knows until the deadline', 6, /status/i, 'poll-unknown-status'],
    ['another tenant', 2, /tenant/i, 'manifest-other-tenant'],
    ['another host', 2, /host/i, 'manifest-other-host'],
    ['a blob name with a path trick', 6, /name/i, 'manifest-path-trick'],
    ['a blobCount that differs', 6, /counts 3 blobs/i, 'manifest-blob-count'],
    ['an empty manifest over rows', 6, /empty/i, 'manifest-no-blobs'],
    ['empty blobs over rows', 6, /empty/i, 'rows-none'],
    ['a SAS that is always wrong', 2, /403|SAS|signature/i, 'sas-wrong'],
    ['a truncated gzip file', 6, /damaged/i, 'blob-truncated-gzip', 'blob-no-md5'],
    ['a flipped byte', 6, /damaged|MD5|digest/i, 'blob-flipped-byte'],
    ['rows of another invoice', 6, /invoice/i, 'rows-other-invoice'],
    ['rows of another tenant', 2, /tenant/i, 'rows-other-tenant'],
    ['a line that is no JSON', 4, /rejected/i, 'rows-broken-line'],
  ])(
    '%s ends with exit code %i and leaves the old snapshot whole',
    async (_name, exitCode, message, ...faults) => {
      const before = await published();
      const scope = await runWith(...faults);
      expect(scope.error?.message ?? '').toMatch(message);
      expect([scope.exitCode, scope.counts]).toEqual([exitCode, undefined]);
      expect(scope.error?.hint ?? '').not.toBe('');
      expect(JSON.stringify(scope)).not.toMatch(/sig=(?!\[redacted\])/);
      expect(await published()).toEqual(before);
    },
  );
});
