import type { Clock } from '../connector/clock.js';

interface Sleeper {
  readonly wakesAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. Sleeps end in the order of their ends, each at its own time. */
export class DrivenClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(start: string) {
    this.#wallMs = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#wallMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const stop = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper = {
        wakesAt: this.#monotonicMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', stop);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** How many sleep. */
  get asleep(): number {
    return this.#sleepers.size;
  }

  /** Lets time pass up to an instant. What is woken goes on until it waits for something again. */
  async passTo(instant: string): Promise<void> {
    const until = Date.parse(instant);
    await turn();
    for (;;) {
      const left = until - this.#wallMs;
      const first = [...this.#sleepers].sort((one, other) => one.wakesAt - other.wakesAt)[0];
      if (first === undefined || first.wakesAt - this.#monotonicMs > left) {
        this.#move(left);
        return await turn();
      }
      this.#move(first.wakesAt - this.#monotonicMs);
      first.wake();
      await turn();
    }
  }

  /** Sets the wall clock, as after a machine slept or its clock was corrected: no sleep gets shorter by it. */
  set(instant: string): void {
    this.#wallMs = Date.parse(instant);
  }

  #move(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }
}

/** Everything that waits for nothing but promises has gone on when this resolves. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
