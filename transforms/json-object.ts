import { RecordRejection } from './record-rejection.js';

/** The kinds of JSON value. */
export type JsonKind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

/** One member of a JSON object. */
export interface JsonField {
  /** The name, unescaped. */
  readonly name: string;
  readonly kind: JsonKind;
  /** The value exactly as it was written, without the space around it. */
  readonly token: string;
  /** The value of a string, unescaped; the token of anything else. */
  readonly text: string;
}

/** Values may be nested this deep; both databases read that without trouble. */
const MAX_DEPTH = 100;
/** The exports have some 50 members; a line that is made of members would take many times its length in memory. */
const MAX_MEMBERS = 4096;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;
/** What may stand before a token: the white space of JSON, and nothing else. */
const SPACE = /[ \t\n\r]*/y;
const UNPAIRED_SURROGATE = /\p{Surrogate}/u;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads the members of the one JSON object that a line holds, in order, keeping each value's raw token. Stricter
 * than `JSON.parse` where it matters here: text after the object, unpaired surrogates and the NUL character are
 * rejected wherever they stand, because no destination can hold them; nesting ends at 100 levels, and an object at
 * 4,096 members. Names are not compared: that two members have one name is for the caller to see.
 * @throws RecordRejection naming the member at fault.
 */
export function readJsonObject(line: string): JsonField[] {
  return new JsonLine(line).fields();
}

/** One element of a JSON array. */
export type JsonElement = Pick<JsonField, 'kind' | 'token'>;

/**
 * Reads the elements of the one JSON array that a text holds, in order, as strictly as {@link readJsonObject}.
 * @throws RecordRejection
 */
export function readJsonArray(text: string): JsonElement[] {
  return new JsonLine(text).array();
}

class JsonLine {
  private at = 0;
  private field: string | null = null;

  constructor(private readonly line: string) {}

  fields(): JsonField[] {
    const fields: JsonField[] = [];
    this.skipSpace();
    if (this.line[this.at] !== '{') throw this.rejection('the line is no JSON object');
    this.members((name) => {
      if (fields.length >= MAX_MEMBERS) {
        throw this.rejection(`the JSON object has more than ${MAX_MEMBERS} members`);
      }
      this.field = name;
      const start = this.at;
      const { kind, text } = this.value(1);
      const token = this.line.slice(start, this.at);
      fields.push({ name, kind, token, text: text ?? token });
      this.field = null;
    });
    this.skipSpace();
    if (this.at < this.line.length) throw this.rejection('there is text after the JSON object');
    return fields;
  }

  array(): JsonElement[] {
    const elements: JsonElement[] = [];
    this.skipSpace();
    if (this.line[this.at] !== '[') throw this.rejection('the value is no JSON array');
    this.elements(() => {
      const start = this.at;
      const { kind } = this.value(1);
      elements.push({ kind, token: this.line.slice(start, this.at) });
    });
    this.skipSpace();
    if (this.at < this.line.length) throw this.rejection('there is text after the JSON array');
    return elements;
  }

  /** Reads `{ "name": value, ... }`, leaving each value to `readValue`. */
  private members(readValue: (name: string) => void): void {
    this.at += 1;
    if (this.isNext('}')) return;
    do {
      this.skipSpace();
      const name = this.string();
      this.expect(':');
      this.skipSpace();
      readValue(name);
    } while (this.isNext(','));
    this.expect('}');
  }

  private value(depth: number): { kind: JsonKind; text: string | null } {
    if (depth > MAX_DEPTH) throw this.rejection(`the value is nested deeper than ${MAX_DEPTH} levels`);
    switch (this.line[this.at]) {
      case '"':
        return { kind: 'string', text: this.string() };
      case '{':
        this.members(() => this.value(depth + 1));
        return { kind: 'object', text: null };
      case '[':
        this.elements(() => this.value(depth + 1));
        return { kind: 'array', text: null };
      default:
        return { kind: this.scalar(), text: null };
    }
  }

  /** Reads `[ value, ... ]`, leaving each value to `readValue`. */
  private elements(readValue: () => void): void {
    this.at += 1;
    if (this.isNext(']')) return;
    do {
      this.skipSpace();
      readValue();
    } while (this.isNext(','));
    this.expect(']');
  }

  private scalar(): JsonKind {
    const first = this.line[this.at];
    if (this.skip(NUMBER)) return 'number';
    if (this.skip(LITERAL)) return first === 'n' ? 'null' : 'boolean';
    throw this.notJson();
  }

  /** Reads a string and returns what it says. */
  private string(): string {
    const { line } = this;
    if (line[this.at] !== '"') throw this.notJson();
    const start = this.at;
    let escaped = false;
    for (let at = start + 1; at < line.length; at += 1) {
      const unit = line.charCodeAt(at);
      if (unit === QUOTE) {
        this.at = at + 1;
        return escaped ? this.unescaped(line.slice(start, at + 1)) : line.slice(start + 1, at);
      }
      if (unit < 0x20) throw this.rejection('a string holds a control character that is not escaped');
      if (unit === BACKSLASH) {
        escaped = true;
        at += 1;
      }
    }
    this.at = line.length;
    throw this.notJson();
  }

  private unescaped(token: string): string {
    let text: string;
    try {
      text = String(JSON.parse(token));
    } catch {
      throw this.rejection('a string holds an escape that JSON does not have');
    }
    if (text.includes('\0'))
      throw this.rejection('a string holds the NUL character, which no database text can');
    if (UNPAIRED_SURROGATE.test(text)) throw this.rejection('a string holds half of a surrogate pair');
    return text;
  }

  /** Moves behind what the pattern finds here. */
  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.test(this.line);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private skipSpace(): void {
    if (this.line.charCodeAt(this.at) <= 0x20) this.skip(SPACE);
  }

  private isNext(mark: string): boolean {
    this.skipSpace();
    if (this.line[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  private expect(mark: string): void {
    if (!this.isNext(mark)) throw this.notJson();
  }

  private notJson(): RecordRejection {
    return this.rejection(
      this.at >= this.line.length ? 'the line ends within the JSON object' : 'the line is not valid JSON',
    );
  }

  private rejection(reason: string): RecordRejection {
    return new RecordRejection(this.field, reason);
  }
}
