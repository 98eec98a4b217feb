import { ConfigError } from '../../schemas/errors.js';

/** A whole number within bounds, as it is. @throws ConfigError otherwise, naming the option. */
export function whole(name: string, value: number, from: number, to: number): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  throw refused(name, String(value), `a whole number from ${from} to ${to}`);
}

/** The error for a value of an option that cannot be; `allowed` completes "give ...". */
export function refused(name: string, value: string, allowed: string): ConfigError {
  return new ConfigError({
    message: `sandbox: ${name} is ${JSON.stringify(value)}`,
    hint: `give ${allowed}`,
    facts: { option: name, value },
  });
}
