import type { Tolerance } from '../schemas/config-tolerance.js';
import { asConnectorError, ConfigError, LockedError, type ConnectorError } from '../schemas/errors.js';
import type { Scope } from '../schemas/scope.js';
import type { Clock } from './clock.js';
import type { DeferredWrites } from './deferred-writes.js';
import {
  NOTHING_RECORDED,
  type Destination,
  type DestinationSession,
  type NextCheck,
  type OpenOptions,
  type RecordedState,
  type RunRecord,
  type ScopeAnswer,
} from './load/destination.js';
import type { InvoiceListChanges, InvoiceListReading } from './load/invoice-list-reading.js';
import type { PurgedHistory } from './load/purged-history.js';
import { NO_MEMORY, type RunMemory } from './run-memory.js';
import { atStep } from './run-step.js';

/** What a run's view of its dataset is made of. */
export interface RunDatasetOptions {
  readonly destination: Destination;
  readonly memory: RunMemory;
  readonly tenantId: string;
  readonly dataset: string;
  readonly migrate: 'auto' | 'manual';
  /** What the configuration says of tolerances, kept in the dataset by every run. */
  readonly tolerances: readonly Tolerance[];
  readonly clock: Clock;
  /** Ends the waiting for a file that somebody holds. */
  readonly signal?: AbortSignal | undefined;
}

/** What a run records when its scopes are done. */
export interface RunEnd {
  readonly answers: readonly ScopeAnswer[];
  /** Something was published: then it waits for the file as a load does. */
  readonly isWorthWaiting: boolean;
  /** The run itself, once it is known which scopes are superseded by now. */
  runOf(superseded: readonly Scope[]): RunRecord;
  /** When each scope is to be asked for again. */
  nextChecks(state: RecordedState): readonly NextCheck[];
}

/** What recording the end of a run came to. */
export interface RecordedEnd {
  readonly superseded: readonly Scope[];
  /** Who held the file: what was to be recorded is kept in the spool. Null: it is recorded. */
  readonly keptBecause: LockedError | null;
  /** Why it could be neither recorded nor kept. */
  readonly error: ConnectorError | null;
}

/**
 * The dataset of one run: what is recorded in it, opened only while something is read or written. Where somebody holds
 * DuckDB's file, planning goes by what the spool remembers, and what is to be recorded waits there for the next time
 * that the file is free (architecture.md section 4).
 */
export class RunDataset {
  /** As the destination has it, or as the spool remembers that. */
  #recorded: RecordedState = NOTHING_RECORDED;
  /** The same with what waits in the spool. */
  #state: RecordedState = NOTHING_RECORDED;
  /** Whether this run has read the destination: else there is nothing new to remember of it. */
  #hasRead = false;
  /** Migrated, another tenant ruled out, and nothing waits in the spool. */
  #isPrepared = false;
  /** The dataset has the tolerances of the configuration. */
  #hasTolerances = false;
  /** `lock_wait` is waited once a run: it would not be over sooner for the next load. */
  #hasWaited = false;

  constructor(private readonly options: RunDatasetOptions) {}

  /** What is recorded, with what waits in the spool to be recorded. */
  get state(): RecordedState {
    return this.#state;
  }

  /** What the destination itself has recorded, as it was last seen: without what waits in the spool. */
  get recorded(): RecordedState {
    return this.#recorded;
  }

  /**
   * Reads what is recorded; migrates where that is wanted. Returns who holds the file where planning goes by what the
   * spool remembers, else null.
   * @throws ConfigError when the dataset is another tenant's or is to be migrated by hand
   * @throws LockedError when somebody holds the file and the spool remembers nothing
   */
  async prepare(): Promise<LockedError | null> {
    const { memory, migrate } = this.options;
    const read = await this.#read();
    if (read instanceof LockedError) return read;
    const { pending, state } = read;
    this.#checkTenant(state);
    if (pending.length > 0 && migrate === 'manual') throw behind(pending);
    await this.#learn(state);
    this.#isPrepared = pending.length === 0 && !(await memory.isWaiting());
    if (this.#isPrepared) return null;
    try {
      const session = pending.length > 0 ? await this.openForLoad() : await this.#open({ waitMs: 0 });
      await session.close();
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
    }
    return null;
  }

  /** Opens the dataset for a load; waits up to `lock_wait` for a file that somebody holds, once a run. @throws LockedError */
  async openForLoad(): Promise<DestinationSession> {
    try {
      const options = this.#hasWaited ? { waitMs: 0 } : { signal: this.options.signal };
      return this.#watched(await this.#open(options));
    } catch (error) {
      if (error instanceof LockedError) this.#hasWaited = true;
      throw error;
    }
  }

  /** Records a reading of the invoice list; where the file is held it is kept in the spool, and null returned. */
  async keepInvoiceList(reading: InvoiceListReading): Promise<InvoiceListChanges | null> {
    const kept = await this.#write({ readings: [reading] }, { waitMs: 0 }, (session) =>
      session.recordInvoiceList(reading),
    );
    return kept instanceof LockedError ? null : kept;
  }

  /** Records the end of the run. Never throws: what cannot be recorded is told. */
  async finish(end: RunEnd): Promise<RecordedEnd> {
    const isStopped = this.options.signal?.aborted === true;
    const wait = end.isWorthWaiting && !this.#hasWaited && !isStopped ? {} : { waitMs: 0 };
    let superseded: readonly Scope[] = [];
    const writes = { answers: end.answers, runs: [end.runOf([])] };
    const recorded = await this.#writeEnd(writes, wait, async (session) => {
      await session.recordAnswers(end.answers);
      atStep('answers recorded');
      superseded = await session.closeMonths(this.options.clock.now());
      await session.recordNextChecks(end.nextChecks(await session.readState()));
      await session.recordRun(end.runOf(superseded));
      atStep('run recorded');
    });
    return { superseded, ...recorded };
  }

  /** Records a run anew, of which something was found out after it was recorded. Never throws: see {@link finish}. */
  async recordAgain(run: RunRecord): Promise<Omit<RecordedEnd, 'superseded'>> {
    return await this.#writeEnd({ runs: [run] }, { waitMs: 0 }, (session) => session.recordRun(run));
  }

  /** Removes history from before an instant; null where somebody holds the file: the next run does it. */
  async purgeHistory(before: Date): Promise<readonly PurgedHistory[] | null> {
    let session: DestinationSession;
    try {
      session = await this.#open({ waitMs: 0 });
    } catch (error) {
      if (error instanceof LockedError) return null;
      throw error;
    }
    try {
      return await session.purgeHistory(before);
    } finally {
      await session.close();
    }
  }

  async #read(): Promise<{ state: RecordedState; pending: readonly string[] } | LockedError> {
    const { destination, memory } = this.options;
    let session: DestinationSession;
    try {
      session = await destination.open('read', { waitMs: 0 });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      const remembered = await memory.recall();
      if (remembered !== null) {
        this.#recorded = remembered;
        this.#state = await memory.withPending(remembered);
        return error;
      }
      session = await destination.open('read', { signal: this.options.signal });
    }
    try {
      const pending = (await session.pendingMigrations()).map(({ name }) => name);
      return { state: await session.readState(), pending };
    } finally {
      await session.close();
    }
  }

  async #writeEnd(
    writes: Partial<DeferredWrites>,
    options: OpenOptions,
    work: (session: DestinationSession) => Promise<void>,
  ): Promise<Omit<RecordedEnd, 'superseded'>> {
    try {
      const written = await this.#write(writes, options, work);
      if (this.#hasRead) await this.options.memory.remember(this.#recorded);
      atStep('remembered');
      return { keptBecause: written instanceof LockedError ? written : null, error: null };
    } catch (thrown) {
      return { keptBecause: null, error: asConnectorError(thrown) };
    }
  }

  /** Does `work` in a session for writing; where somebody holds the file, keeps `writes` in the spool. */
  async #write<T>(
    writes: Partial<DeferredWrites>,
    options: OpenOptions,
    work: (session: DestinationSession) => Promise<T>,
  ): Promise<T | LockedError> {
    let session: DestinationSession;
    try {
      session = await this.#open(options);
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      // Only a file that somebody can hold has a memory; elsewhere being locked is an error like any other.
      if (this.options.memory === NO_MEMORY) throw error;
      await this.options.memory.defer(writes);
      this.#isPrepared = false;
      this.#state = await this.options.memory.withPending(this.#recorded);
      return error;
    }
    try {
      const done = await work(session);
      await this.#learn(await session.readState());
      return done;
    } finally {
      await session.close();
    }
  }

  /**
   * Opens for writing: migrated, with what waited in the spool recorded first, and with the configuration's tolerances,
   * for a load compares usage with lines by them.
   */
  async #open(options: OpenOptions): Promise<DestinationSession> {
    const session = await this.options.destination.open('write', options);
    try {
      if (!this.#isPrepared) await this.#prepareFor(session);
      if (!this.#hasTolerances) await session.keepTolerances(this.options.tolerances);
      this.#hasTolerances = true;
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #prepareFor(session: DestinationSession): Promise<void> {
    const { memory, migrate } = this.options;
    const pending = (await session.pendingMigrations()).map(({ name }) => name);
    if (pending.length > 0 && migrate === 'manual') throw behind(pending);
    if (pending.length > 0) await session.migrate();
    this.#checkTenant(await session.readState());
    await memory.record(session);
    await this.#learn(await session.readState());
    this.#isPrepared = true;
  }

  /** What a load changed is read before it lets the file go: somebody may hold it when the run is to be recorded. */
  #watched(session: DestinationSession): DestinationSession {
    const close = async (): Promise<void> => {
      try {
        await this.#learn(await session.readState());
      } catch {
        // What was published stays published: the end of the run reads it again, and tells why it cannot.
      } finally {
        await session.close();
      }
    };
    return { ...session, close };
  }

  /** Takes what was just read from the destination. */
  async #learn(recorded: RecordedState): Promise<void> {
    this.#recorded = recorded;
    this.#state = await this.options.memory.withPending(recorded);
    this.#hasRead = true;
  }

  #checkTenant({ tenantId: bound }: RecordedState): void {
    const { tenantId, destination, dataset } = this.options;
    if (bound === null || bound === tenantId) return;
    throw new ConfigError({
      message: `dataset ${destination.label} belongs to tenant ${bound}, not to ${tenantId}`,
      hint: 'give each partner tenant a dataset of its own: set destination.dataset',
      facts: { dataset, tenant: bound },
    });
  }
}

function behind(pending: readonly string[]): ConfigError {
  return new ConfigError({
    message: `the destination lacks ${pending.length} migrations (${pending.join(', ')}), and destination.migrate is manual`,
    hint: 'run `partner-billing migrate --sql` to see them and `partner-billing migrate` to apply them',
  });
}
