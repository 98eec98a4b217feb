import { mix, pick, seedOf } from '../../connector/sandbox/seeded.js';

/** Choices that look random and depend on a text and on how many were made before only. */
export class Choices {
  readonly #seed: number;
  #made = 0;

  constructor(text: string) {
    this.#seed = seedOf(text);
  }

  /** A whole number from `least` to `most`, both inclusive. */
  number(least: number, most: number): number {
    this.#made += 1;
    return least + (mix(this.#seed, this.#made) % (most - least + 1));
  }

  /** True `times` times out of `outOf`. */
  chance(times: number, outOf: number): boolean {
    return this.number(1, outOf) <= times;
  }

  /** One entry of a list that is not empty. */
  one<T>(list: readonly T[]): T {
    return pick(list, this.number(0, list.length - 1));
  }

  /** So many different entries of a list, or all of it. */
  some<T>(list: readonly T[], count: number): T[] {
    const left = [...list];
    const chosen: T[] = [];
    while (chosen.length < count && left.length > 0)
      chosen.push(...left.splice(this.number(0, left.length - 1), 1));
    return chosen;
  }
}
