import { z } from 'zod';
import { canonical, type Members } from './canonical-members.js';

/**
 * What Partner Center answers (api-contract.md 11.2, 11.3), read tolerantly like Graph's answers. Here is only what
 * leads through the list; the documents themselves are read from the text of a page, which keeps their digits.
 */

const PAGE_MEMBERS: Members = { totalCount: ['totalCount'], items: ['items'], links: ['links'] };
const DOCUMENT_MEMBERS: Members = { id: ['id'], amendments: ['amendments'] };
const ERROR_MEMBERS: Members = { code: ['code'], message: ['description', 'message'] };

/** The ids of a document and of the amendments below it. */
export interface DocumentIds {
  readonly id?: string | undefined;
  readonly amendments: readonly DocumentIds[];
}

const documentSchema: z.ZodType<DocumentIds> = z.preprocess(
  canonical(DOCUMENT_MEMBERS),
  z.object({
    id: z.union([z.string(), z.number()]).transform(String).optional(),
    amendments: z.array(z.lazy(() => documentSchema)).default([]),
  }),
);

/** A page of the invoice list: how many documents the whole list has, the ids on this page, where the next page is. */
export const invoicePageSchema = z.preprocess(
  canonical(PAGE_MEMBERS),
  z.object({
    totalCount: z.int().min(0).optional(),
    items: z.array(documentSchema).optional(),
    links: z
      .preprocess(
        canonical({ next: ['next'] }),
        z.object({
          next: z.preprocess(canonical({ uri: ['uri'] }), z.object({ uri: z.string() })).optional(),
        }),
      )
      .optional(),
  }),
);

/** An error body: `{"code": "900420", "description": "..."}`, or `{"statusCode": 429, "message": "..."}`. */
export const partnerCenterErrorSchema = z.preprocess(
  canonical(ERROR_MEMBERS),
  z.object({
    code: z.union([z.string(), z.number()]).transform(String).default(''),
    message: z.string().default(''),
  }),
);
