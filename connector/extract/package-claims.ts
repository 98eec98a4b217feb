import type { ExportRequest } from '../../schemas/scope.js';

/**
 * Which request of this run each load package belongs to. Around midnight at the turn of a month two requests of a run
 * can come to work on one scope (`current` asked for before, `last` after it): neither takes or deletes the other's.
 */
export class PackageClaims {
  readonly #owners = new Map<string, ExportRequest>();

  /** Gives a package to a request that nobody else claimed; false where another request of the run has it. */
  claim(packageId: string, request: ExportRequest): boolean {
    const owner = this.#owners.get(packageId);
    if (owner !== undefined) return owner === request;
    this.#owners.set(packageId, request);
    return true;
  }

  /** Whether another request of the run has it. */
  isTaken(packageId: string, request: ExportRequest): boolean {
    const owner = this.#owners.get(packageId);
    return owner !== undefined && owner !== request;
  }
}
