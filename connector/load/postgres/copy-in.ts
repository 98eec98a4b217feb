import { finished } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * One `COPY ... FROM STDIN` under way. While it is, the connection can do nothing else. The connection sets the
 * pace: `write` waits until the piece before it was taken.
 */
export class CopyIn {
  private readonly stream;
  private readonly ended: Promise<void>;
  private taken: Promise<void> = Promise.resolve();
  private over = false;

  constructor(client: pg.ClientBase, sql: string) {
    this.stream = client.query(copyFrom(sql));
    this.ended = finished(this.stream, { readable: false });
    // Whoever writes or ends next is told; a rejection that nobody awaits yet must not end the process.
    this.ended.catch(() => undefined);
    this.stream.once('error', () => (this.over = true));
    this.stream.once('finish', () => (this.over = true));
  }

  /** Hands a piece on. @throws what the server refused */
  async write(piece: Buffer): Promise<void> {
    await this.taken;
    // The stream lets go of the connection when the server ends it, and must not be written to any more.
    if (this.over) return this.ended;
    const written = new Promise<void>((resolve) => this.stream.write(piece, () => resolve()));
    // A connection that breaks never drains, so the end of the stream settles this too.
    this.taken = Promise.race([written, this.ended]);
    this.taken.catch(() => undefined);
  }

  /** Ends it and waits until the server has taken all. @throws what the server refused */
  async end(): Promise<void> {
    await this.taken;
    if (!this.over) this.stream.end();
    await this.ended;
  }

  /** Gives it up; the transaction is lost with it. Never throws. */
  async abandon(): Promise<void> {
    if (!this.over) this.stream.destroy();
    await this.ended.catch(() => undefined);
  }
}
