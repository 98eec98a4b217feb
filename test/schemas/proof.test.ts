import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { proofSha256 } from '../../connector/load/stored-proof.js';
import { PROOF_VERSION, proofText, type ProofDocument } from '../../schemas/proof.js';

const page = readFileSync(new URL('../../docs/proof.md', import.meta.url), 'utf8');
const [, example = ''] = /```json\n([\s\S]*?)\n```/.exec(page) ?? [];
const document = JSON.parse(example) as ProofDocument;

describe('the text of a proof', () => {
  it('is the documented one: members sorted, nothing between tokens, texts as they are', () => {
    const text = proofText(document);
    expect(JSON.parse(text)).toEqual(document);
    expect(text).toMatch(/^\{"attribute_set":"full","billing_month":"2026-10",.*,"unknown_fields":\[\]\}$/);
    expect(proofText({ ...document, scope: 'é "\\\n\u0001' })).toContain('"scope":"é \\"\\\\\\n\\u0001"');
    expect(document.proof_version).toBe(PROOF_VERSION);
  });

  it('does not depend on the order in which members were put in', () => {
    const entries = Object.entries(document).reverse();
    expect(proofText(Object.fromEntries(entries) as unknown as ProofDocument)).toBe(proofText(document));
  });

  it('has the digest that the page shows', () => {
    expect(page).toContain(proofSha256(document));
    expect(proofSha256({ ...document, records_read: 5 })).not.toBe(proofSha256(document));
  });

  it('has every member explained on the page', () => {
    const [, section = ''] = /^### The proof and its text$([\s\S]*?)^## /m.exec(page) ?? [];
    const explained = [...section.matchAll(/^\| `([a-z_0-9]+)`/gm)].map(([, name]) => name);
    expect(explained.filter((name) => name !== 'proof_sha256').sort()).toEqual(Object.keys(document).sort());
  });
});
