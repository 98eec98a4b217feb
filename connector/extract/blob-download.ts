import { ConnectorError, IntegrityError } from '../../schemas/errors.js';
import type { Report } from '../../schemas/progress.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import type { Clock } from '../clock.js';
import { PartialBlob } from '../partial-blob.js';
import { DoesNotFitError, readRest, StalledError, type BlobReadOptions } from './blob-read.js';
import { DataChanged, ExportGone } from './export-turn.js';
import type { FreeSpace } from './free-space.js';
import type { HttpAgents } from './http-agents.js';
import { retryDelay, STORAGE_PACE } from './retry-delay.js';
import type { SasSource } from './sas-source.js';
import { blobAddress } from './storage-address.js';
import { givenUp, reasonOf, refusedForGood, storageSetback, type StorageSetback } from './storage-error.js';

const ATTEMPTS = 8;
const MISSING_ATTEMPTS = 3;
const RESTARTS = 2;
/** How long a blob is tried without a byte coming. */
const WINDOW_MS = 30 * 60_000;
const REPORT_BYTES = 1024 * 1024;

/** What the downloads of one package share. */
export interface BlobContext {
  readonly scope: Scope;
  readonly rootDirectory: string;
  readonly sas: SasSource;
  readonly agents: HttpAgents;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  readonly space: FreeSpace;
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/**
 * Downloads a blob into a package, exactly as it comes: continues where an earlier attempt or run stopped, waits
 * and tries again while storage is unwell, takes a new SAS when the old one is refused, compares length and, where
 * storage sends one, MD5. When it resolves the blob is whole on disk and synced.
 * @throws ExportGone when the blob or the SAS is not to be had any more, DataChanged when the manifest is of other
 * data, TransientError, ConfigError or IntegrityError when it is given up; what came is kept for the next run.
 */
export async function downloadBlob(context: BlobContext, packageFolder: string, name: string): Promise<void> {
  const partial = await PartialBlob.open(packageFolder, name);
  const download = new BlobDownload(context, partial);
  try {
    await download.untilWhole();
  } catch (error) {
    await partial.close();
    throw error;
  } finally {
    download.giveSpaceBack();
  }
}

/** One blob's way to disk: what was tried since the last byte came. */
class BlobDownload {
  readonly #context: BlobContext;
  readonly #partial: PartialBlob;
  readonly #place: string;
  #attempts = 0;
  #missing = 0;
  #restarts = 0;
  #deadlineMs: number;
  #freshSas: string | null = null;
  #spaceBack: ((bytes?: number) => void) | null = null;
  #reported = 0;

  constructor(context: BlobContext, partial: PartialBlob) {
    this.#context = context;
    this.#partial = partial;
    this.#place = `${scopeLabel(context.scope)}: blob ${partial.name}`;
    this.#deadlineMs = context.clock.monotonicMs() + WINDOW_MS;
    this.#reported = partial.offset;
  }

  async untilWhole(): Promise<void> {
    const { signal, report, scope } = this.#context;
    for (;;) {
      signal.throwIfAborted();
      const { record, offset, name } = this.#partial;
      if (record !== null && offset === record.bytes && (await this.#isUndamaged())) {
        const { bytes } = await this.#partial.complete();
        report({ event: 'blob.whole', scope, blob: name, bytes });
        return;
      }
      const setback = await this.#readOnce();
      if (setback !== null) await this.#overcome(setback);
    }
  }

  giveSpaceBack(): void {
    this.#spaceBack?.();
    this.#spaceBack = null;
  }

  /** One attempt. Null when the body came to its end. */
  async #readOnce(): Promise<StorageSetback | null> {
    const { sas, rootDirectory } = this.#context;
    const tried = sas.newest();
    const before = this.#partial.offset;
    try {
      await readRest(
        this.#readOptions(),
        blobAddress(rootDirectory, this.#partial.name, tried),
        this.#partial,
      );
      return this.#partial.offset > before || this.#partial.record?.bytes === 0
        ? null
        : { kind: 'again', cause: 'the answer ended without a byte', why: 'connection' };
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (error instanceof ConnectorError || isTurn(error)) throw error;
      if (error instanceof StalledError) return { kind: 'again', cause: error.message, why: 'timeout' };
      if (error instanceof DoesNotFitError) return { kind: 'restart', cause: error.message };
      const setback = storageSetback(error, this.#place);
      if (setback.kind !== 'refused') return setback;
      return await this.#takeSas(tried, setback);
    } finally {
      if (this.#partial.offset > before) this.#progressed();
    }
  }

  /** A SAS was refused: another one, or the end of it. */
  async #takeSas(tried: string, setback: StorageSetback): Promise<null> {
    if (this.#freshSas === tried) throw refusedForGood(setback, this.#place);
    const { sas, fresh } = await this.#context.sas.inPlaceOf(tried);
    this.#freshSas = fresh ? sas : null;
    return null;
  }

  /** Waits before the next attempt, or gives up. */
  async #overcome(setback: StorageSetback): Promise<void> {
    const { clock, random, report, scope, signal } = this.#context;
    this.#attempts += 1;
    if (setback.kind === 'missing') {
      this.#missing += 1;
      if (this.#missing >= MISSING_ATTEMPTS) {
        throw new ExportGone(`${this.#place} is not there: ${setback.cause}`, { afterPause: true });
      }
    }
    if (setback.kind === 'restart') await this.#restart(setback.cause);
    const delay = retryDelay({
      attempt: this.#attempts,
      attempts: ATTEMPTS,
      remainingMs: this.#deadlineMs - clock.monotonicMs(),
      retryAfter: setback.kind === 'again' ? setback.retryAfter : undefined,
      date: setback.kind === 'again' ? setback.date : undefined,
      now: clock.now(),
      random: random(),
      pace: STORAGE_PACE,
    });
    if ('giveUp' in delay) throw givenUp(setback, this.#place, this.#attempts);
    report({
      event: 'retried',
      scope,
      what: 'blob',
      cause: `${this.#partial.name}: ${setback.cause}`,
      why: reasonOf(setback),
      attempt: this.#attempts,
      waitMs: delay.delayMs,
    });
    await clock.sleep(delay.delayMs, signal);
  }

  async #restart(cause: string): Promise<void> {
    this.#restarts += 1;
    if (this.#restarts > RESTARTS) {
      throw new IntegrityError({
        message: `${this.#place}: read from its beginning ${RESTARTS} times more and still not whole: ${cause}`,
        hint: 'nothing of it is published; the next run tries it again; if it stays, report it to Microsoft',
        facts: { place: this.#place, restarts: RESTARTS },
      });
    }
    this.giveSpaceBack();
    this.#reported = 0;
    await this.#partial.restart();
  }

  /** Compares the MD5 that storage sent, where it did; a damaged blob is read from its beginning. */
  async #isUndamaged(): Promise<boolean> {
    const { record, md5 } = this.#partial;
    if (record?.contentMd5 === undefined || record.contentMd5 === md5) return true;
    await this.#overcome({
      kind: 'restart',
      cause: `its MD5 is ${md5} and storage says ${record.contentMd5}`,
    });
    return false;
  }

  #readOptions(): BlobReadOptions {
    const { agents, idleMs, signal, space } = this.#context;
    return {
      agents,
      idleMs,
      signal,
      onLength: async (bytesToCome) => {
        this.giveSpaceBack();
        this.#spaceBack = await space.setAside(bytesToCome, this.#place);
      },
      onChunk: (bytes) => {
        this.#spaceBack?.(bytes);
        this.#reportBytes();
      },
    };
  }

  #progressed(): void {
    this.#attempts = 0;
    this.#missing = 0;
    this.#freshSas = null;
    this.#deadlineMs = this.#context.clock.monotonicMs() + WINDOW_MS;
  }

  #reportBytes(): void {
    const { offset, name } = this.#partial;
    if (offset - this.#reported < REPORT_BYTES) return;
    this.#reported = offset;
    this.#context.report({ event: 'blob.bytes', scope: this.#context.scope, blob: name, bytes: offset });
  }
}

function isTurn(error: unknown): boolean {
  return error instanceof ExportGone || error instanceof DataChanged;
}
