/** Where the values of references come from; each returns the value, or says in a few words why there is none. */
export interface ReferenceSource {
  env(name: string): { readonly value: string } | { readonly missing: string };
  file(path: string): { readonly value: string } | { readonly missing: string };
}

/** A text with its references filled in. */
export interface Interpolated {
  readonly text: string;
  /** What the values came from, as printed: `environment variable NAME`, `file path`; empty without references. */
  readonly origins: readonly string[];
  /** What is wrong with references, in a few words each; never quotes a value. */
  readonly problems: readonly string[];
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;

/**
 * Fills `${env:NAME}` and `${file:path}` in, anywhere in a text. `$${` stands for a literal `${`. Values are not
 * scanned again. Pure but for `source`.
 */
export function interpolate(text: string, source: ReferenceSource): Interpolated {
  const origins: string[] = [];
  const problems: string[] = [];
  const filled = text.replace(REFERENCE, (match: string, inside?: string, end?: string) => {
    if (match === '$${') return '${';
    const [, kind, name] = /^(env|file):(.+)$/.exec(inside ?? '') ?? [];
    if (end !== '}' || kind === undefined || name === undefined || !isName(kind, name)) {
      problems.push(
        'has a ${ that is neither ${env:NAME} nor ${file:path}; a literal ${ is written $${ and } ends a reference',
      );
      return '';
    }
    const found = kind === 'env' ? source.env(name) : source.file(name);
    const origin = kind === 'env' ? `environment variable ${name}` : `file ${name}`;
    origins.push(origin);
    if ('value' in found) return found.value;
    problems.push(`${origin} ${found.missing}`);
    return '';
  });
  return { text: filled, origins, problems };
}

function isName(kind: string, name: string): boolean {
  return kind === 'file' || /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}
