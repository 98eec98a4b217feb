import { Terminal, type TextSink } from '../../connector/terminal.js';

/** A terminal, or a pipe where `isTTY` is false, and what was written to it. It takes `secret` for a secret. */
export function terminal(isTTY: boolean, size: { columns?: number; rows?: number } = {}) {
  const written: string[] = [];
  const sink: TextSink = { write: (text) => written.push(text), isTTY, ...size };
  return { terminal: new Terminal(sink, (text) => text.replaceAll('secret', '***')), written };
}

/** What was written, with the sequence that erases live lines made readable. */
export const shown = (written: readonly string[]) =>
  written
    .join('')
    .replaceAll('\u001b[0J', '')
    .replaceAll('\u001b[K', '')
    .replace(/\[(\d)A/g, '<up $1>')
    .replaceAll('\u001b', '');
