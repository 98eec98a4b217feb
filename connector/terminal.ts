import { cutToWidth, widthOf } from './text-width.js';
import { visibleLines } from './visible-text.js';

/** Where text for people goes: standard error, or what a test gives in its place. */
export interface TextSink {
  write(text: string): unknown;
  /** Whether a person looks at it, so that lines may be redrawn. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[0J';

/**
 * Standard error: lines that stay, and below them, on a terminal, a few live lines that are redrawn. Everything
 * passes `scrub`, so that no secret gets out. Each change is one write, which overwrites what was there rather than
 * clearing it first, so that nothing flickers.
 */
export class Terminal {
  #live: readonly string[] = [];
  /** The live lines as they stand on the screen, and the width that they were drawn for. */
  #drawn: readonly string[] = [];
  #drawnWidth = 0;

  constructor(
    private readonly out: TextSink,
    private readonly scrub: (text: string) => string,
  ) {}

  /** Whether live lines can be shown. */
  get isLive(): boolean {
    return this.out.isTTY === true;
  }

  /**
   * Writes text that stays, above the live lines, which are replaced where `live` is given; a newline is added where
   * it has none at its end.
   */
  write(text: string, live: readonly string[] = this.#live): void {
    if (this.isLive) this.#live = live;
    const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    const erased = whole === '' || this.#drawn.length === 0 ? '' : CLEAR_BELOW;
    const output = `${this.upText()}${erased}${this.printable(whole)}${this.drawText()}`;
    if (output !== '') this.out.write(output);
  }

  /** Replaces the live lines; does nothing where there is no terminal, or where nothing changed. */
  show(lines: readonly string[]): void {
    const same = lines.join('\n') === this.#live.join('\n') && this.width === this.#drawnWidth;
    if (!this.isLive || same || (lines.length === 0 && this.#drawn.length === 0)) return;
    this.write('', lines);
  }

  private get width(): number {
    return sizeOf(this.out.columns, 80);
  }

  /** Back to where the live lines begin. A terminal that was made narrower has wrapped them to more rows since. */
  private upText(): string {
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / this.width)),
      0,
    );
    return rows === 0 ? '' : `\u001b[${rows}A`;
  }

  private drawText(): string {
    const height = sizeOf(this.out.rows, 24) - 2;
    const fits = this.#live.length <= height;
    const shown = fits
      ? this.#live
      : [...this.#live.slice(0, height - 1), `... and ${this.#live.length - height + 1} more`];
    const left = this.#drawn.length > 0;
    this.#drawn = shown.map((line) =>
      cutToWidth(this.printable(line).replace(/[\n\t]/g, ' '), this.width - 1),
    );
    this.#drawnWidth = this.width;
    return `${this.#drawn.map((line) => `${line}${CLEAR_LINE_END}\n`).join('')}${left ? CLEAR_BELOW : ''}`;
  }

  /** Without secrets, and without control characters: what a server says must not steer the terminal. */
  private printable(text: string): string {
    return visibleLines(this.scrub(text));
  }
}

/** Some terminals say that they have 0 columns. */
function sizeOf(said: number | undefined, usual: number): number {
  return said === undefined || said < 5 ? usual : said;
}
