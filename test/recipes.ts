import type { Dialect } from '../connector/load/destination.js';

/** A question of docs/recipes.md. */
export interface Recipe {
  /** `1. Do the lines add up to the invoice?` */
  readonly title: string;
  /** The statement for each database, as it stands there. */
  readonly sql: Readonly<Record<Dialect, string>>;
  /** The output that the page shows. */
  readonly output: string;
}

const BLOCK = /^```(sql|sql duckdb|sql postgres|text)\n([\s\S]*?)^```$/gm;

/** The recipes of the page in their order. @throws when one has no statement for a database, or not one output */
export function recipesOf(page: string): readonly Recipe[] {
  const sections = page.split(/^## (?=\d+\. )/m).slice(1);
  return sections.map((section) => {
    const title = section.split('\n')[0] ?? '';
    const blocks = [...section.matchAll(BLOCK)].map(([, kind = '', text = '']) => ({ kind, text }));
    const textsOf = (...kinds: string[]): string[] =>
      blocks.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text);
    const one = (what: string, texts: readonly string[]): string => {
      if (texts.length !== 1) throw new Error(`${title}: ${texts.length} blocks are its ${what}`);
      return texts[0] ?? '';
    };
    return {
      title,
      sql: {
        duckdb: one('statement for DuckDB', textsOf('sql', 'sql duckdb')),
        postgres: one('statement for Postgres', textsOf('sql', 'sql postgres')),
      },
      output: one('output', textsOf('text')),
    };
  });
}

/** The page with these outputs in the places of its own, in the order of its recipes. */
export function withOutputs(page: string, outputs: readonly string[]): string {
  let next = 0;
  return page.replace(BLOCK, (block, kind: string) => {
    if (kind !== 'text') return block;
    const output = outputs[next] ?? '';
    next += 1;
    return `\`\`\`text\n${output}\`\`\``;
  });
}
