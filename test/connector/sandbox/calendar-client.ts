import {
  startSandbox,
  type BillingCalendar,
  type Sandbox,
  type SandboxOptions,
} from '../../../connector/sandbox/sandbox.js';
import type { ScopeName } from '../../../connector/sandbox/data-scope.js';
import { monthOf } from '../../../schemas/scope.js';
import { ask, json, operationOf, rawField, textOf, type PlainManifest } from './sandbox-client.js';

export const SEPTEMBER = 'G016907391';
export const SEPTEMBER_EUR = 'G016907392';
export const OCTOBER = 'G016907411';
export const NOTE = 'G016907455';
export const VOID_NOTE = 'G016907466';
const SCALE = 10n ** 10n;

/** A document as the list spells it. */
export interface Listed {
  readonly id: string;
  readonly status: string;
  readonly documentType: string;
  readonly amendsOf?: string;
  readonly invoiceDate: string;
  readonly totalCharges: number;
  readonly amendments: readonly Listed[];
}

/** What became of an export. */
export interface Answered {
  /** Null for one that succeeded. */
  readonly code: string | null;
  readonly eTag: string | null;
  readonly createdAt: string;
  readonly lines: readonly string[];
}

/** A small sandbox with three invoices of two months. */
export function calendarOptions(calendar: BillingCalendar): SandboxOptions {
  return {
    invoices: [
      { id: SEPTEMBER, month: '2026-09', currency: 'USD' },
      { id: SEPTEMBER_EUR, month: '2026-09', currency: 'EUR' },
      { id: OCTOBER, month: '2026-10', currency: 'USD' },
    ],
    reconciliationRows: 60,
    blobs: 1,
    pollsUntilDone: 0,
    calendar,
  };
}

/** A sandbox with a calendar, asked over HTTP at times of the test's choice. */
export class CalendarClient {
  #sandbox: Sandbox | null = null;
  #now = new Date(0);

  async start(calendar: BillingCalendar): Promise<Sandbox> {
    this.#sandbox = await startSandbox({ ...calendarOptions(calendar), now: () => this.#now });
    return this.#sandbox;
  }

  async close(): Promise<void> {
    await this.#sandbox?.close();
    this.#sandbox = null;
  }

  get sandbox(): Sandbox {
    if (this.#sandbox === null) throw new Error('no sandbox is running');
    return this.#sandbox;
  }

  get now(): Date {
    return this.#now;
  }

  /** Two in the morning of a day, when a nightly run would start. */
  on(day: string): void {
    this.#now = new Date(`${day}T02:00:00Z`);
  }

  /** Exports a scope and downloads all of it. */
  async answer({ stream, invoice, month, currency }: ScopeName): Promise<Answered> {
    const period = month === monthOf(this.#now) ? 'current' : 'last';
    const body =
      invoice === undefined ? { billingPeriod: period, currencyCode: currency } : { invoiceId: invoice };
    const operation = await operationOf(this.sandbox, stream, body);
    if (operation['status'] === 'failed') {
      const { code } = operation['error'] as { readonly code: string };
      return { code, eTag: null, createdAt: '', lines: [] };
    }
    const manifest = operation['resourceLocation'] as PlainManifest & { readonly createdDateTime: string };
    const lines = (await textOf(manifest)).split('\n').filter((line) => line !== '');
    return { code: null, eTag: manifest.eTag, createdAt: manifest.createdDateTime, lines };
  }

  /** The invoice list. */
  async documents(): Promise<readonly Listed[]> {
    const { partnerCenterUrl, partnerCenterToken } = this.sandbox;
    const headers = { Authorization: `Bearer ${partnerCenterToken}` };
    return json(await ask(`${partnerCenterUrl}/invoices`, { headers }))['items'] as readonly Listed[];
  }

  usageOf(month: string): Promise<Answered> {
    return this.answer({ stream: 'unbilled_usage', month, currency: 'USD' });
  }

  linesOf(month: string): Promise<Answered> {
    return this.answer({ stream: 'unbilled_reconciliation', month, currency: 'USD' });
  }

  billedUsage(invoice: string): Promise<Answered> {
    return this.answer({ stream: 'billed_usage', invoice });
  }

  billedLines(invoice: string): Promise<Answered> {
    return this.answer({ stream: 'billed_reconciliation', invoice });
  }
}

/** The amount of a field at scale 10. */
export function amount(text: string | null): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '') ?? [];
  const value = BigInt(whole) * SCALE + BigInt(fraction.padEnd(10, '0'));
  return sign === '-' ? -value : value;
}

/** The exact sum of a field at scale 10. */
export function sumOf(lines: readonly string[], field: string): bigint {
  return lines.reduce((sum, line) => sum + amount(rawField(line, field)), 0n);
}

/** Whether usage and lines differ by no more than a cent a line in every group of plan, product, SKU and availability. */
export function agree(usage: readonly string[], lines: readonly string[]): boolean {
  const groups = new Map<string, { difference: bigint; lines: bigint }>();
  const add = (line: string, value: bigint, count: bigint): void => {
    const names = ['SubscriptionId', 'ProductId', 'SkuId', 'AvailabilityId'];
    const key = names.map((name) => rawField(line, name)).join(' ');
    const group = groups.get(key) ?? { difference: 0n, lines: 0n };
    groups.set(key, { difference: group.difference + value, lines: group.lines + count });
  };
  for (const line of usage) add(line, amount(rawField(line, 'BillingPreTaxTotal')), 0n);
  for (const line of lines.filter((one) => rawField(one, 'MeterDescription') !== null))
    add(line, -amount(rawField(line, 'Subtotal')), 1n);
  return [...groups.values()].every(({ difference, lines: count }) => {
    return (difference < 0n ? -difference : difference) <= (count * SCALE) / 100n;
  });
}
