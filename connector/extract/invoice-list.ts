import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { IntegrityError } from '../../schemas/errors.js';
import { bodyProblems } from '../../schemas/graph.js';
import { invoicePageSchema, type DocumentIds } from '../../schemas/partner-center.js';
import type { ServiceClient } from './service-client.js';
import { describe, serviceError } from './service-error.js';
import type { ServiceAnswer } from './service-request.js';

/** No partner has so many pages; a list that never ends would fill the memory. */
const MOST_PAGES = 1000;

/** How the list is to be read. */
export interface InvoiceListOptions {
  /** A client of Partner Center. */
  readonly client: ServiceClient;
  /** Only invoices dated from the first day of this month on, `2025-01`; null: all. */
  readonly since: string | null;
  readonly signal?: AbortSignal | undefined;
  /** By the monotonic clock: no attempt begins after it. */
  readonly deadlineMs?: number | undefined;
}

/** The whole list as it came. */
export interface InvoiceListPages {
  /** The JSON text of each page: every number has all its digits. At least one page; an empty list is one without items. */
  readonly pages: readonly string[];
  /** Documents on the pages, the amendments below them not counted, each id once. */
  readonly documents: number;
  /** `MS-CorrelationId` of all requests of this reading. */
  readonly correlationId: string;
}

type Page = z.infer<typeof invoicePageSchema>;

/**
 * Reads Partner Center's list of invoices, `GET /invoices` (api-contract.md section 11), page by page until there is
 * no next one. Pages of modern invoices may repeat: a link that was followed before, or a page that brings no new id,
 * is the end. Then `totalCount` must have been reached, counting documents alone or with their amendments. An empty list is an answer.
 * @throws ConfigError for what a person must change, such as the right to read invoices; TransientError for what may pass; IntegrityError for a list that is not whole, never ends or is no list.
 */
export async function readInvoiceList(options: InvoiceListOptions): Promise<InvoiceListPages> {
  const { client, since, signal, deadlineMs } = options;
  const correlationId = randomUUID();
  const pages: string[] = [];
  const followed = new Set<string>();
  const seen = { documents: new Set<string>(), all: new Set<string>() };
  let totalCount = 0;
  let url: string | null = listAddress(client.service.url, since);
  while (url !== null && !followed.has(url)) {
    followed.add(url);
    const answer = await client.request({
      method: 'GET',
      url,
      errand: 'invoice list',
      correlationId,
      signal,
      deadlineMs,
    });
    if (answer.gone) throw serviceError(answer.refusal);
    const page = readPage(answer);
    const before = seen.documents.size;
    remember(page.items ?? [], seen);
    pages.push(pageText(answer));
    totalCount = Math.max(totalCount, page.totalCount ?? 0);
    url = seen.documents.size === before ? null : nextAddress(client.service.url, page);
    if (url !== null && pages.length >= MOST_PAGES) throw endless(answer);
  }
  const documents = seen.documents.size;
  if (documents < totalCount && seen.all.size !== totalCount) {
    throw incomplete(documents, totalCount, correlationId, since);
  }
  return { pages, documents, correlationId };
}

/** Field names, operator and form of the value as Partner Center's queries have them. */
function listAddress(base: string, since: string | null): string {
  if (since === null) return `${base}/invoices`;
  const filter = { Field: 'InvoiceDate', Value: `${since}-01`, Operator: 'greater_than_or_equals' };
  return `${base}/invoices?filter=${encodeURIComponent(JSON.stringify(filter))}`;
}

/** Links are relative to the base address, though they begin with a slash: `/invoices?size=2&offset=2`. */
function nextAddress(base: string, { links }: Page): string | null {
  const uri = links?.next?.uri.trim() ?? '';
  if (uri === '') return null;
  if (URL.canParse(uri)) return new URL(uri).href;
  const { pathname } = new URL(base);
  const below = pathname !== '/' && uri.startsWith(`${pathname}/`) ? uri.slice(pathname.length) : uri;
  return new URL(`${base}/${below.replace(/^\/+/, '')}`).href;
}

function readPage(answer: ServiceAnswer): Page {
  const parsed = invoicePageSchema.safeParse(answer.body);
  const problem = parsed.success
    ? parsed.data.items === undefined && parsed.data.totalCount !== 0
      ? 'it has no items'
      : null
    : bodyProblems(parsed.error);
  if (parsed.success && problem === null) return parsed.data;
  throw noPage(answer, problem ?? '');
}

function pageText(answer: ServiceAnswer): string {
  if (!isUtf8(answer.bytes)) throw noPage(answer, 'it holds bytes that are no UTF-8');
  return Buffer.from(answer.bytes)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

/** A document without an id is not counted here; parsing the page refuses it. */
function remember(
  documents: readonly DocumentIds[],
  seen: { readonly documents: Set<string>; readonly all: Set<string> },
): void {
  const below = (document: DocumentIds): void => {
    if (document.id !== undefined) seen.all.add(document.id);
    for (const amendment of document.amendments) below(amendment);
  };
  for (const document of documents) {
    if (document.id !== undefined) seen.documents.add(document.id);
    below(document);
  }
}

function noPage(answer: ServiceAnswer, problem: string): IntegrityError {
  return new IntegrityError({
    message: `invoice list: Partner Center answered ${describe(answer.refusal)}, but that is no page of invoices: ${problem}`,
    hint: 'look for a newer connector, or report it to Microsoft with the ids; until then list ids by hand (invoices: [G...])',
    facts: { requestId: answer.requestId, correlationId: answer.refusal.correlationId },
  });
}

function endless(answer: ServiceAnswer): IntegrityError {
  return new IntegrityError({
    message: `invoice list: there is another page after ${MOST_PAGES} (${answer.refusal.correlationId ?? ''})`,
    hint: 'narrow it by `since`, or list ids by hand (invoices: [G...])',
    facts: { pages: MOST_PAGES, correlationId: answer.refusal.correlationId },
  });
}

function incomplete(
  documents: number,
  totalCount: number,
  correlationId: string,
  since: string | null,
): IntegrityError {
  const other = since === null ? '' : 'leave out `since`, whose filter may count otherwise, or ';
  return new IntegrityError({
    message: `invoice list: Partner Center says that there are ${totalCount} documents, but names ${documents} (correlation id ${correlationId})`,
    hint: `the next run reads it again; if it stays so, ${other}list ids by hand (invoices: [G...])`,
    facts: { documents, totalCount, correlationId, since },
  });
}
