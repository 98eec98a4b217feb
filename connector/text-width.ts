/** Characters that fill two cells of a terminal: East Asian wide ones and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Characters that fill none: they change the one before them. */
const NARROW = /\p{M}|[\u200b-\u200f]/u;

/** How many cells of a terminal a text of one line fills. */
export function widthOf(text: string): number {
  return [...text].reduce((width, character) => width + cellsOf(character), 0);
}

/** The longest beginning of a text that fills at most `width` cells; no character is cut in two. */
export function cutToWidth(text: string, width: number): string {
  let cells = 0;
  let cut = '';
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > width) return cut;
    cut += character;
  }
  return cut;
}

function cellsOf(character: string): number {
  if (character <= '\u02ff') return 1;
  return NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}
