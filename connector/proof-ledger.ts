import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { proofText, type ProofDocument } from '../schemas/proof.js';
import { FILE_MODE, makeFolder } from './durable-file.js';
import { errorCode } from './error-code.js';

/** The ledger of an archive's dataset: one line for each published package, in the order of publishing. */
export const LEDGER_FILE = 'proofs.jsonl';

/** A line of the ledger. */
interface LedgerLine {
  /** SHA-256 of the line before, without its line feed; null in the first. */
  readonly previous_sha256: string | null;
  /** SHA-256 of the proof's one text (docs/proof.md), as the destination stored it. */
  readonly proof_sha256: string;
  readonly proof: ProofDocument;
}

/** What a ledger holds, and what is wrong with it. */
export interface Ledger {
  readonly proofs: readonly ProofDocument[];
  /** Each a sentence with the line number; empty: every line stands as it was written, after the one before. */
  readonly problems: readonly string[];
}

/**
 * Appends the proof of a published snapshot, with the digest of the line before; durable when it resolves. A snapshot
 * that has its line already is not added twice, and what a crash left of an unfinished line is overwritten.
 */
export async function appendProof(folder: string, proof: ProofDocument): Promise<void> {
  await makeFolder(folder);
  const content = await readText(join(folder, LEDGER_FILE));
  const whole = content.slice(0, content.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  if (lines.some((line) => parsed(line)?.proof.load_id === proof.load_id)) return;
  const last = lines.at(-1);
  const text = proofText(proof);
  const line: LedgerLine = {
    previous_sha256: last === undefined ? null : sha256(last),
    proof_sha256: sha256(text),
    proof: JSON.parse(text) as ProofDocument,
  };
  const file = await open(join(folder, LEDGER_FILE), 'a+', FILE_MODE);
  try {
    const kept = Buffer.byteLength(whole);
    if (kept < Buffer.byteLength(content)) await file.truncate(kept);
    await file.appendFile(`${JSON.stringify(line)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads a ledger and checks its chain. A ledger that is not there has no proofs and no problem. */
export async function readLedger(folder: string): Promise<Ledger> {
  const content = await readText(join(folder, LEDGER_FILE));
  const lines = content.split('\n');
  const rest = lines.pop() ?? '';
  const problems = rest === '' ? [] : [`${LEDGER_FILE} ends in the middle of line ${lines.length + 1}`];
  const proofs: ProofDocument[] = [];
  let before: string | null = null;
  lines.forEach((line, index) => {
    const place = `${LEDGER_FILE} line ${index + 1}`;
    const read = parsed(line);
    if (read === null) problems.push(`${place} is no line of a ledger`);
    else {
      if (read.previous_sha256 !== before) problems.push(`${place} does not follow the line before it`);
      if (read.proof_sha256 !== sha256(proofText(read.proof)))
        problems.push(`${place}: its proof was changed`);
      proofs.push(read.proof);
    }
    before = sha256(line);
  });
  return { proofs, problems };
}

function parsed(line: string): LedgerLine | null {
  try {
    const read = JSON.parse(line) as Partial<LedgerLine> | null;
    return typeof read?.proof === 'object' && typeof read.proof_sha256 === 'string'
      ? (read as LedgerLine)
      : null;
  } catch {
    return null;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
