/**
 * What moves the cursor, hides text or turns its direction: control characters, format characters (but for the two
 * joiners that scripts need), line and paragraph separators, lone surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text on one line, with an escape (`\n`, `\u{1b}`) in place of each character that is not seen as itself. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, escaped);
}

/** The same for text of several lines: newlines and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(HIDDEN, (character) => (/[\n\t]/.test(character) ? character : escaped(character)));
}

/** A JSON document with the JSON escape (`\u001b`) of each such character: another text of the same values. */
export function visibleJson(json: string): string {
  return json.replace(HIDDEN, (character) => (character === '\n' ? character : jsonEscape(character)));
}

function escaped(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function jsonEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}
