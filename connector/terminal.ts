/** Where text for people goes: standard error, or what a test gives in its place. */
export interface TextSink {
  write(text: string): unknown;
  /** Whether a person looks at it, so that lines may be redrawn. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/**
 * Standard error: lines that stay, and below them, on a terminal, a few live lines that are redrawn. Everything
 * passes `scrub`, so that no secret gets out.
 */
export class Terminal {
  #live: readonly string[] = [];
  #drawn = 0;

  constructor(
    private readonly out: TextSink,
    private readonly scrub: (text: string) => string,
  ) {}

  /** Whether live lines can be shown. */
  get isLive(): boolean {
    return this.out.isTTY === true;
  }

  /** Writes text that stays, above the live lines; a newline is added where it has none at its end. */
  write(text: string): void {
    if (text === '') return;
    const whole = text.endsWith('\n') ? text : `${text}\n`;
    this.out.write(`${this.eraseText()}${this.printable(whole)}${this.drawText()}`);
  }

  /** Replaces the live lines; does nothing where there is no terminal, or where nothing changed. */
  show(lines: readonly string[]): void {
    if (!this.isLive || lines.join('\n') === this.#live.join('\n')) return;
    const erase = this.eraseText();
    this.#live = lines;
    this.out.write(`${erase}${this.drawText()}`);
  }

  private eraseText(): string {
    const erase = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\u001b[0J`;
    this.#drawn = 0;
    return erase;
  }

  private drawText(): string {
    const width = sizeOf(this.out.columns, 80) - 1;
    const height = sizeOf(this.out.rows, 24) - 2;
    const fits = this.#live.length <= height;
    const shown = fits
      ? this.#live
      : [...this.#live.slice(0, height - 1), `... and ${this.#live.length - height + 1} more`];
    this.#drawn = shown.length;
    return shown.map((line) => `${this.printable(line).replaceAll('\n', ' ').slice(0, width)}\n`).join('');
  }

  /** Without secrets, and without control characters: what a server says must not steer the terminal. */
  private printable(text: string): string {
    return this.scrub(text).replace(CONTROL, '?');
  }
}

const CONTROL = /[^\P{Cc}\n\t]/gu;

/** Some terminals say that they have 0 columns. */
function sizeOf(said: number | undefined, usual: number): number {
  return said === undefined || said < 5 ? usual : said;
}
