import { dirname } from 'node:path';
import type { Clock } from './clock.js';
import { makeFolder, writeDurably } from './durable-file.js';
import { asConnectorError } from '../schemas/errors.js';
import { serialQueue } from './serial-queue.js';

/** What a health file is kept with. */
export interface HealthFileParts {
  readonly path: string;
  /** The JSON document to write, made anew each time. */
  readonly document: () => object;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly warn: (text: string) => Promise<void>;
}

/** A JSON file that is written anew at least every `everyMs` until it is closed. A reader sees whole documents only. */
export class HealthFile {
  readonly #parts: HealthFileParts;
  readonly #inTurn = serialQueue();
  readonly #stop = new AbortController();
  #beating: Promise<void> = Promise.resolve();
  #fails = false;

  private constructor(parts: HealthFileParts) {
    this.#parts = parts;
  }

  /** Writes it for the first time and begins to keep it. @throws ConfigError when it cannot be written. */
  static async open(parts: HealthFileParts): Promise<HealthFile> {
    const file = new HealthFile(parts);
    await makeFolder(dirname(parts.path));
    await writeDurably(parts.path, file.#text());
    file.#beating = file.#beat();
    return file;
  }

  /** Writes it now. What fails is said once and tried again the next time: health is no reason to end. */
  async write(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        await writeDurably(this.#parts.path, this.#text());
        this.#fails = false;
      } catch (thrown) {
        if (this.#fails) return;
        this.#fails = true;
        const { message } = asConnectorError(thrown);
        await this.#parts.warn(`the health file cannot be written and grows old: ${message}`);
      }
    });
  }

  /** Writes it a last time and leaves it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    await this.write();
  }

  #text(): string {
    return `${JSON.stringify(this.#parts.document(), null, 2)}\n`;
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#parts.clock.sleep(this.#parts.everyMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await this.write();
    }
  }
}
