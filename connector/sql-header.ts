/** What the comment above a statement of `sql/<dialect>/{views,macros,functions}` says, for a person to read. */
export interface SqlHeader {
  /** Sentences about what it answers and how, as Markdown, without the sources of its rules and what follows these. */
  readonly text: string;
  /** The first sentence, as Markdown, without its full stop. */
  readonly summary: string;
}

/**
 * The comment at the top of a file of `sql/`, up to its `Source:`. Lines that begin with two more blanks than the text
 * are items of a list (two blanks or more part a name from its meaning), and what is indented below them goes on with
 * the item. Names of columns become code. Pure.
 */
export function sqlHeader(text: string): SqlHeader {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--') || line.startsWith('-- Source:'));
  const blocks: string[] = [];
  let isList = false;
  for (const line of lines.slice(0, end === -1 ? lines.length : end)) {
    const words = line.slice(2).trim();
    const indent = line.slice(2).search(/\S/);
    const startsItem = indent === ITEM_INDENT;
    if (blocks.length === 0 || startsItem || (isList && indent < ITEM_INDENT)) {
      blocks.push(startsItem ? `- ${words.replace(/:? {2,}/, ': ')}` : words);
    } else {
      blocks.push(`${blocks.pop() ?? ''} ${words}`);
    }
    isList = startsItem || (isList && indent > ITEM_INDENT);
  }
  const shown = blocks.flatMap(withItems).map(markdown);
  const [first = ''] = shown;
  return { text: joined(shown), summary: first.replace(/(?<=[^.])[.:](?: .*)?$/s, '') };
}

/** How far an item of a list is indented after the dashes of the comment. */
const ITEM_INDENT = 3;

const STATUSES = 'matched|within_tolerance|partial|mismatch|left_only|right_only|not_checked';
const MEANING = new RegExp(
  `(?<=[.?] )(?=(?:left|right|(?:${STATUSES})(?:(?:, | and | or )(?:${STATUSES}))*): )`,
  'i',
);

/** A block in which several sides or statuses get their meaning, one after the other, as a list of them. */
function withItems(block: string): readonly string[] {
  const [first = '', ...others] = block.split(MEANING);
  if (others.length < 2) return [block];
  return [first.trim(), ...others.map((other) => `- ${other.trim()}`)];
}

function joined(blocks: readonly string[]): string {
  return blocks.reduce((text, block, index) => {
    const isItem = block.startsWith('- ');
    const before = blocks[index - 1];
    if (before === undefined) return block;
    return `${text}${isItem && before.startsWith('- ') ? '\n' : '\n\n'}${block}`;
  }, '');
}

/** Names with an underscore and calls become code; what Markdown or HTML would take for its own is escaped. */
function markdown(block: string): string {
  return block
    .split(/((?<![\w`])(?:_[a-z]+|_?[a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b(?:\([^)]*\))?)/)
    .map((part, index) => (index % 2 === 1 ? `\`${part}\`` : part.replace(/[*<>|]/g, (sign) => `\\${sign}`)))
    .join('');
}
