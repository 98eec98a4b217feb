import { redact, redactAlso } from '../schemas/redact.js';

const MARK = '[redacted]';
/** A shorter secret would take ordinary words out of every line; it is reported instead. */
const SHORTEST = 4;

/**
 * The secret values of this process, and the one place that removes them from text that leaves it: the literal
 * values, their JSON and percent-encoded forms, and everything that `redact` knows by its shape.
 */
export class Secrets {
  private forms: readonly string[] = [];

  /** Makes values known; returns how many are too short (under 4 characters) to be removed from text. */
  add(values: readonly string[]): number {
    const long = values.filter((value) => value.length >= SHORTEST);
    const forms = new Set([...this.forms, ...long.flatMap(formsOf)]);
    this.forms = [...forms].sort((a, b) => b.length - a.length);
    redactAlso(this.forms);
    return values.length - long.length;
  }

  /** The text without secrets. */
  scrub(text: string): string {
    return redact(this.forms.reduce((rest, form) => rest.replaceAll(form, MARK), text));
  }

  /** The same for every text inside a value that is to become JSON; keys, numbers and the structure stay. */
  scrubJson(value: unknown): unknown {
    if (typeof value === 'string') return this.scrub(value);
    if (Array.isArray(value)) return value.map((item) => this.scrubJson(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.scrubJson(item)]));
  }
}

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= 16);
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), encodeURI(value), ...lines];
}
