import { join, relative, sep } from 'node:path';
import { proofText, type ProofDocument } from '../schemas/proof.js';
import type { Scope } from '../schemas/scope.js';
import { writeDurably } from './durable-file.js';
import type { LoadContext, PackageToLoad } from './load-context.js';
import type { LoadPackage } from './load-package.js';
import type { DestinationSession } from './load/destination.js';
import { appendProof } from './proof-ledger.js';
import { atStep } from './run-step.js';

/** The proof of an archived package, beside its manifest and blobs: one JSON document (docs/proof.md). */
export const PROOF_FILE = 'proof.json';

/** Whether published packages of a scope are kept: billed ones where there is an archive, others where asked for. */
function isArchived({ archive, config }: LoadContext, scope: Scope): boolean {
  return archive !== null && (scope.by === 'invoice' || config.archive_unbilled);
}

/**
 * Adds the proof of a published snapshot to the archive's ledger. A snapshot that was published empty by
 * name has no package: its line alone says that what the archive holds of the scope is not the last of it.
 */
export async function keepInLedger(
  context: LoadContext,
  scope: Scope,
  session: DestinationSession,
): Promise<void> {
  const { archive, config } = context;
  if (archive === null || !isArchived(context, scope)) return;
  const proof = await session.readProof(scope);
  if (proof === null) return;
  const folder = join(archive, config.source.tenant_id, config.destination.dataset);
  await appendProof(folder, proof.document);
}

/**
 * Packages that are kept (`archive`, `archive_unbilled`) move to the archive, each with the proof of what was published
 * of it, and a line in the archive's ledger; all others are removed, as are copies of archived packages, and those whose
 * very data was published from another package: a reload was killed before it loaded them. It may be repeated after a
 * crash.
 */
export async function putAway(
  context: LoadContext,
  { scope, package: loaded, isCopy = false }: PackageToLoad,
  session: DestinationSession,
): Promise<void> {
  if (isCopy) await keepInLedger(context, scope, session);
  const { archive } = context;
  if (archive === null || !isArchived(context, scope) || isCopy) return await removed(loaded);
  const proof = await session.readProof(scope);
  const place = relative(context.spool, loaded.path);
  const isSameData = proof !== null && proof.document.etag === loaded.manifest()?.eTag;
  if (isSameData && !isOwnProof(loaded, proof.document)) return await removed(loaded);
  // Anything but its own proof would say what is not so.
  if (isSameData) {
    await writeDurably(join(loaded.path, PROOF_FILE), `${proofText(proof.document)}\n`);
    const [tenant = '', dataset = ''] = place.split(sep);
    await appendProof(join(archive, tenant, dataset), proof.document);
  }
  await loaded.archiveTo(join(archive, place));
}

async function removed(loaded: LoadPackage): Promise<void> {
  await loaded.remove();
  atStep('package removed');
}

/** Whether the snapshot was published from this very package: Graph's operation and manifest say so. */
function isOwnProof(loaded: LoadPackage, proof: ProofDocument): boolean {
  const manifest = loaded.manifest();
  const operation = manifest?.operationId ?? loaded.exportRecord.operation?.id ?? null;
  return proof.manifest_id === manifest?.id && proof.operation_id === operation;
}
