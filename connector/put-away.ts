import { join, relative, sep } from 'node:path';
import { proofText } from '../schemas/proof.js';
import type { Scope } from '../schemas/scope.js';
import { writeDurably } from './durable-file.js';
import type { LoadContext, PackageToLoad } from './load-context.js';
import type { DestinationSession } from './load/destination.js';
import { appendProof } from './proof-ledger.js';
import { atStep } from './run-step.js';

/** The proof of an archived package, beside its manifest and blobs: one JSON document (docs/proof.md). */
export const PROOF_FILE = 'proof.json';

/**
 * Adds the proof of a billed scope's published snapshot to the archive's ledger. A snapshot that was published empty by
 * name has no package: its line alone says that what the archive holds of the scope is not the last of it.
 */
export async function keepInLedger(
  { archive, config }: LoadContext,
  scope: Scope,
  session: DestinationSession,
): Promise<void> {
  if (archive === null || scope.by !== 'invoice') return;
  const proof = await session.readProof(scope);
  if (proof === null) return;
  const folder = join(archive, config.source.tenant_id, config.destination.dataset);
  await appendProof(folder, proof.document);
}

/**
 * Billed packages move to the archive where one is configured, each with the proof of what was published of it, and a
 * line in the archive's ledger; all others are removed. It may be repeated after a crash.
 */
export async function putAway(
  context: LoadContext,
  { scope, package: loaded }: PackageToLoad,
  session: DestinationSession,
): Promise<void> {
  if (context.archive === null || scope.by !== 'invoice') {
    await loaded.remove();
    atStep('package removed');
    return;
  }
  const proof = await session.readProof(scope);
  const place = relative(context.spool, loaded.path);
  // Anything but its own proof would say what is not so.
  if (proof !== null && proof.document.etag === loaded.manifest()?.eTag) {
    await writeDurably(join(loaded.path, PROOF_FILE), `${proofText(proof.document)}\n`);
    const [tenant = '', dataset = ''] = place.split(sep);
    await appendProof(join(context.archive, tenant, dataset), proof.document);
  }
  await loaded.archiveTo(join(context.archive, place));
}
