import type { Scope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { unbilledRecord, usageRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

const MONTH: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' };

function usage(
  load: string,
  invoice: string,
  records: GivenSnapshot['records'],
  request: GivenSnapshot['request'] = {},
): GivenSnapshot {
  const scope: Scope = { by: 'invoice', stream: 'billed_usage', invoice };
  return { load, scope, at: '2026-11-09T12:00:00Z', records, request };
}

const record = (InvoiceNumber: string, MeterId = 'm1') => usageRecord({ InvoiceNumber, MeterId });

/** A row of an invoice's usage of which two records were read. */
function row(
  [load, invoice, status]: readonly [string | null, string, string],
  [read, staged, rejected]: readonly (string | null)[],
  [isCurrent, state, proof]: readonly [string, string, string],
  reason: string | null,
  because: string,
): ExpectedRow {
  const isLoaded = load !== null;
  return {
    ...{ invoice_number: invoice, currency: 'USD', stream: 'billed_usage', scope: invoice, status },
    ...{ left_amount: null, right_amount: null, difference: null, tolerance: null },
    ...{ rows_left: read ?? '0', rows_right: staged ?? '0', reason, snapshot_ids: load },
    ...{ billing_month: '2026-10-01', is_current: isCurrent, scope_state: state, proof_status: proof },
    ...{ attribute_set: isLoaded ? 'full' : null, etag: isLoaded ? `e-${load}` : null },
    ...{ blobs: isLoaded ? '1' : null, records_read: read ?? null, records_staged: staged ?? null },
    ...{ records_rejected: rejected ?? null, data_made_at: isLoaded ? '2026-11-08 10:00:00' : null },
    ...{ published_at: isLoaded ? '2026-11-09 12:00:00' : null, days_old: isLoaded ? '13' : null },
    because,
  };
}

/**
 * within_tolerance, left_only and right_only cannot occur: records are whole or not. The newest thing recorded is an answer
 * of the 22nd of November at 9 o'clock, so data of the 8th at 10 is 13 whole days old.
 */
export const RECON_LOAD_COMPLETENESS: GoldenView = {
  view: 'recon_load_completeness',
  cases: [
    {
      name: 'snapshots of usage, whole and less so',
      given: {
        invoices: ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G8'].map((invoice) => listedInvoice(invoice)),
        snapshots: [
          usage('g1-old', 'G1', [record('G1'), record('G1', 'm2')]),
          { ...usage('g1', 'G1', [record('G1')]), at: '2026-11-12T12:00:00Z' },
          usage('g2', 'G2', [record('G2'), 'no JSON'], { rejectedLimit: 1 }),
          usage('g3', 'G3', [record('G3')]),
          usage('g4', 'G4', [record('G4')]),
          usage('g5', 'G5', []),
          usage('g6', 'G6', [record('G6')]),
        ],
        sql: [
          "UPDATE {d}._scopes SET state = 'refused', last_answer = 'refused: 3 records rejected' WHERE scope = 'G3'",
          "UPDATE {d}._snapshots SET proof_sha256 = NULL, proof_version = NULL, rows_digest = NULL WHERE load_id = 'g4'",
          "UPDATE {d}._blobs SET records_staged = 0 WHERE load_id = 'g6'",
          `INSERT INTO {d}._scopes (stream, scope, state, last_asked_at) VALUES
            ('billed_usage', 'G7', 'no data', '2026-11-22 09:00:00'),
            ('billed_usage', 'G8', 'refused', '2026-11-10 09:00:00'),
            ('billed_usage', 'G9', 'pending', '2026-11-10 09:00:00')`,
        ],
      },
      expected: [
        row(
          ...([
            ['g1-old', 'G1', 'matched'],
            ['2', '2', '0'],
            ['false', 'published', 'proven'],
          ] as const),
          ...([null, 'replaced since, and whole all the same'] as const),
        ),
        {
          ...row(
            ...([
              ['g1', 'G1', 'matched'],
              ['1', '1', '0'],
              ['true', 'published', 'proven'],
            ] as const),
            ...([null, 'every record became a row'] as const),
          ),
          published_at: '2026-11-12 12:00:00',
        },
        row(
          ...([
            ['g2', 'G2', 'partial'],
            ['2', '1', '1'],
            ['true', 'published', 'proven'],
          ] as const),
          'records were rejected: partner-billing rejected shows them',
          'one of two records was no JSON: within the limit, and still not whole',
        ),
        row(
          ...([
            ['g3', 'G3', 'partial'],
            ['1', '1', '0'],
            ['true', 'refused', 'proven'],
          ] as const),
          'a newer answer was refused, so this is not the newest',
          'what readers see is whole, and Microsoft has something newer',
        ),
        row(
          ...([
            ['g4', 'G4', 'not_checked'],
            ['1', '1', '0'],
            ['true', 'published', 'no proof kept'],
          ] as const),
          ...(['it was published before proofs were kept', 'as a dataset of 0.2 was left'] as const),
        ),
        row(
          ...([
            ['g5', 'G5', 'not_checked'],
            ['0', '0', '0'],
            ['true', 'published', 'proven'],
          ] as const),
          'it has no records, so there is nothing to prove',
          'an empty side is never matched',
        ),
        row(
          ...([
            ['g6', 'G6', 'mismatch'],
            ['1', '1', '0'],
            ['true', 'published', 'does not add up'],
          ] as const),
          'the records of the snapshot and of its blobs do not add up',
          'the blob says that none of its records was staged, the snapshot that one was',
        ),
        row(
          ...([
            [null, 'G7', 'not_checked'],
            [null, null, null],
            ['false', 'no data', 'not published'],
          ] as const),
          ...(['Graph has no data of it', 'it was asked for'] as const),
        ),
        row(
          ...([
            [null, 'G8', 'not_checked'],
            [null, null, null],
            ['false', 'refused', 'not published'],
          ] as const),
          'what came was refused, and nothing is published',
          'there is nothing to go back to',
        ),
        {
          ...row(
            ...([
              [null, 'G9', 'not_checked'],
              [null, null, null],
              ['false', 'pending', 'not published'],
            ] as const),
            ...(['it was asked for, and nothing is published yet', 'it is on no list'] as const),
          ),
          ...{ currency: null, billing_month: null },
        },
      ],
    },
    {
      name: 'an estimate',
      given: {
        snapshots: [
          {
            ...{ load: 'm1', scope: MONTH, at: '2026-11-21T12:00:00Z', records: [unbilledRecord()] },
            request: { manifestCreatedAt: '2026-11-21T08:00:00.000Z' },
          },
        ],
      },
      expected: [
        {
          ...row(
            ...([
              ['m1', '2026-11-USD', 'matched'],
              ['1', '1', '0'],
              ['true', 'published', 'proven'],
            ] as const),
            ...([null, 'of the 21st at 8 it is one whole day old on the 22nd at 9'] as const),
          ),
          ...{ invoice_number: null, stream: 'unbilled_usage', billing_month: '2026-11-01', days_old: '1' },
          ...{ data_made_at: '2026-11-21 08:00:00', published_at: '2026-11-21 12:00:00' },
        },
      ],
    },
  ],
};
