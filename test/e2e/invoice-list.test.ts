import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { connectPartnerCenter } from '../../connector/extract/connection.js';
import { readInvoiceList } from '../../connector/extract/invoice-list.js';
import { openDestination } from '../../connector/load/open-destination.js';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import { configSchema } from '../../schemas/config.js';
import { isExportable, isNote, isVoid } from '../../schemas/invoice-kind.js';
import type { ListedInvoice } from '../../schemas/invoice-record.js';
import { parseInvoiceList } from '../../transforms/invoice-list.js';
import { temporaryFolder, testClock } from '../connector/extract/scene.js';
import { NOW, small } from '../connector/sandbox/sandbox-client.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await small();
});
afterAll(() => sandbox.close());

async function list(since: string | null = null): Promise<readonly ListedInvoice[]> {
  const { client, agents } = connectPartnerCenter({
    config: configSchema.parse(parse(sandbox.configuration())),
    report: () => undefined,
    clock: testClock(),
    random: () => 0,
  });
  try {
    return await parseInvoiceList((await readInvoiceList({ client, since })).pages);
  } finally {
    agents.close();
  }
}

describe('the invoice list of the sandbox, read and parsed', () => {
  it('has every invoice and note with its exact total and the month that it bills', async () => {
    const listed = await list();
    const rows = listed.map(({ record: { values }, billingMonth }) => [
      values['invoice_number'],
      values['amends_of'],
      values['document_type'],
      values['status'],
      billingMonth,
    ]);
    expect(rows).toEqual([
      ['G016907411', null, 'invoice', 'active', '2026-10'],
      ['G716907411', 'G016907411', 'adjustment_note', 'active', '2026-10'],
      ['G016907412', null, 'invoice', 'active', '2026-10'],
      ['G916907411', null, 'invoice', 'void', '2026-10'],
      ['G816907411', 'G916907411', 'void_note', 'active', '2026-10'],
      ['D02005YFHI', null, 'invoice', 'active', null],
      ['D0200607KM', null, 'invoice', 'active', null],
      ['D0200711QX', null, 'invoice', 'active', null],
    ]);
    for (const invoice of ['G016907411', 'G016907412']) {
      const found = listed.find(({ record }) => record.values['invoice_number'] === invoice);
      expect(found?.record.values['total_charges']).toBe(sandbox.totalCharges(invoice));
      expect(found?.record.extra).toBeNull();
    }
  });

  it('tells by kind what has data of its own', async () => {
    const wanted = (await list()).filter(({ record: { values } }) => {
      const kind = { documentType: values['document_type'] ?? null, status: values['status'] ?? null };
      return isExportable(values['invoice_number'] ?? '') && !isNote(kind) && !isVoid(kind);
    });
    expect(wanted.map(({ record }) => record.values['invoice_number'])).toEqual(['G016907411', 'G016907412']);
  });

  it('is the same however the list repeats itself or is throttled', async () => {
    const plain = await list();
    for (const fault of [
      'invoices-repeat',
      'invoices-same-next',
      'invoices-429:1',
      'invoices-500:2',
    ] as const) {
      sandbox.setFaults([fault]);
      expect(await list()).toEqual(plain);
    }
    sandbox.setFaults([]);
  });

  it('is empty from a later month on, and for an indirect reseller', async () => {
    expect(await list('2026-12')).toEqual([]);
    expect(await list('2026-11')).toHaveLength(8);
    sandbox.setFaults(['invoices-empty:1']);
    expect(await list()).toEqual([]);
  });

  it('is refused where its count is not reached', async () => {
    sandbox.setFaults(['invoices-total-count']);
    await expect(list()).rejects.toThrow(/says that there are 7 documents, but names 6/);
    sandbox.setFaults([]);
  });

  it('is kept in the table invoices to the last digit, and a second reading changes nothing', async () => {
    const folder = await temporaryFolder();
    const destination = await openDestination(configSchema.parse(parse(sandbox.configuration())), {
      path: (relative) => join(folder, relative),
      report: () => undefined,
      clock: testClock(),
    });
    const { tenantId } = sandbox;
    const record = async (loadId: string) => {
      const session = await destination.open('write');
      try {
        await session.migrate();
        const reading = { tenantId, runId: 'r', loadId, readAt: NOW, since: null, correlationId: null };
        return await session.recordInvoiceList({ ...reading, invoices: await list() });
      } finally {
        await session.close();
      }
    };
    expect(await record('1')).toMatchObject({ inserted: 8, updated: 0, unchanged: 0 });
    expect(await record('2')).toMatchObject({ inserted: 0, updated: 0, deleted: 0, unchanged: 8 });
    const sql =
      'SELECT total_charges, billing_month, amends_of, _load_id FROM csp.invoices ORDER BY invoice_number';
    const rows = await destination.query(sql, async (result) => {
      const all: (string | null)[][] = [];
      for await (const row of result.rows()) all.push([...row]);
      return all;
    });
    await destination.close();
    expect(rows).toHaveLength(8);
    expect(rows[3]).toEqual([sandbox.totalCharges('G016907411'), '2026-10-01', null, '1']);
    expect(rows[5]).toEqual(['-12.5', '2026-10-01', 'G016907411', '1']);
  });
});
