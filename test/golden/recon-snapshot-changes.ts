import type { InvoiceScope } from '../../schemas/scope.js';
import { lineRecord } from '../snapshot.js';
import type { GoldenView } from './golden-case.js';

const LINES: InvoiceScope = { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' };

const kept = lineRecord({ SubscriptionId: 's-kept', Subtotal: '7' });

/**
 * Cannot occur here: within_tolerance and partial (a restatement is a fact, nothing is allowed for), and not_checked (a
 * row stands for a line that changed, and both snapshots of it are known).
 */
export const RECON_SNAPSHOT_CHANGES: GoldenView = {
  view: 'recon_snapshot_changes',
  cases: [
    {
      name: 'an invoice is restated once: a line is dearer, one is gone, one is new, one has only another name',
      given: {
        snapshots: [
          {
            load: 'before',
            scope: LINES,
            at: '2026-11-09T12:00:00Z',
            records: [
              kept,
              lineRecord({ SubscriptionId: 's-dearer', Subtotal: '10.10' }),
              lineRecord({ SubscriptionId: 's-gone', Subtotal: '3' }),
              lineRecord({ SubscriptionId: 's-renamed', Subtotal: '5', SkuName: 'Old' }),
            ],
          },
          {
            load: 'after',
            scope: LINES,
            at: '2026-11-12T12:00:00Z',
            records: [
              kept,
              lineRecord({ SubscriptionId: 's-dearer', Subtotal: '10.25' }),
              lineRecord({ SubscriptionId: 's-new', Subtotal: '4' }),
              lineRecord({ SubscriptionId: 's-renamed', Subtotal: '5', SkuName: 'New' }),
            ],
          },
        ],
      },
      expected: [
        {
          ...{ subscription_id: 's-dearer', status: 'mismatch', left_amount: '10.1', right_amount: '10.25' },
          ...{ difference: '0.15', snapshot_ids: 'before,after' },
          because: '10.25 - 10.10 = 0.15; the subscription is a part of the key, so it is the same line',
        },
        {
          ...{ subscription_id: 's-gone', status: 'left_only', left_amount: '3', right_amount: null },
          ...{ difference: '-3', snapshot_ids: 'before,after' },
          because: 'no line of the second snapshot has its key',
        },
        {
          ...{ subscription_id: 's-new', status: 'right_only', left_amount: null, right_amount: '4' },
          ...{ difference: '4', snapshot_ids: 'before,after' },
          because: 'no line of the first snapshot has its key',
        },
        {
          ...{ subscription_id: 's-renamed', status: 'matched', left_amount: '5', right_amount: '5' },
          ...{ difference: '0', snapshot_ids: 'before,after' },
          because: 'the name of a SKU is no part of the key: the line changed, and no money moved',
        },
      ],
    },
  ],
};
