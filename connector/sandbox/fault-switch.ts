import { ConfigError } from '../../schemas/errors.js';
import { FAULTS, isContentFault, isFaultName, type ContentFault, type FaultName } from './faults.js';

/** A fault that stays on, or one that fires `count` times and then stops. */
export type FaultSetting = FaultName | `${FaultName}:${number}`;

/**
 * Checks texts such as `post-503` and `blob-cut:2`.
 * @throws ConfigError for an unknown name (it lists the known ones) or a count that is no whole number from 1.
 */
export function parseFaultSettings(texts: readonly string[]): readonly FaultSetting[] {
  return texts.map((text) => {
    const { name, count } = parseFault(text);
    return count === null ? name : (`${name}:${count}` as const);
  });
}

/** Which faults are on, and how often each will still fire. */
export class FaultSwitch {
  readonly #left = new Map<FaultName, number>();

  constructor(settings: readonly FaultSetting[]) {
    this.set(settings);
  }

  /** Replaces everything that was on. */
  set(settings: readonly FaultSetting[]): void {
    const parsed = settings.map((setting) => parseFault(setting));
    this.#left.clear();
    for (const { name, count } of parsed) this.#left.set(name, count ?? Infinity);
  }

  /** Whether a fault would fire now; uses nothing up. */
  isOn(name: FaultName): boolean {
    return (this.#left.get(name) ?? 0) > 0;
  }

  /** Fires a fault if it is on: true, and one firing is used up. */
  fires(name: FaultName): boolean {
    const left = this.#left.get(name) ?? 0;
    if (left <= 0) return false;
    this.#left.set(name, left - 1);
    return true;
  }

  /** Fires the first of several faults that is on, and says which. */
  firstOf<Name extends FaultName>(names: readonly Name[]): Name | null {
    return names.find((name) => this.fires(name)) ?? null;
  }

  /** The content faults that are on, sorted. */
  contentFaults(): readonly ContentFault[] {
    return [...this.#left.keys()]
      .filter((name) => this.isOn(name))
      .filter((name) => isContentFault(name))
      .sort();
  }
}

function parseFault(text: string): { readonly name: FaultName; readonly count: number | null } {
  const match = /^([a-z0-9-]+)(?::([1-9]\d{0,8}))?$/.exec(text);
  const [, name = '', count] = match ?? [];
  if (!isFaultName(name)) {
    const known = Object.entries(FAULTS).map(([fault, meaning]) => `  ${fault}: ${meaning}`);
    throw new ConfigError({
      message: `sandbox: ${JSON.stringify(text)} is no fault`,
      hint: `name one of these, with :count to let it fire that often only:\n${known.join('\n')}`,
      facts: { fault: text },
    });
  }
  return { name, count: count === undefined ? null : Number.parseInt(count, 10) };
}
