import { SCOPES, labelOf, type RandomSite } from './random-site.js';
import {
  chooseDisturbance,
  disturbanceText,
  faultsMet,
  type Certain,
  type Disturbance,
} from './random-disturbance.js';
import { differencesOf } from './random-differences.js';
import { Choices } from './random-choices.js';

/** What a random run did. */
export interface RandomFigures {
  cycles: number;
  runs: number;
  kills: number;
  faults: number;
  restatements: number;
  damages: number;
  /** The most runs without a fault that it took until a destination was up to date. */
  mostCleanRuns: number;
}

/** How many undisturbed runs may be needed: one to go on with what was begun, which may be old or broken, and more. */
const MOST_CLEAN_RUNS = 4;
/** What a disturbed run may end with: anything but a defect (70) and a death of its own (1). */
const HONEST = [0, 2, 3, 4, 5, 6, 130, 143];

/** What the first run of the first cycles meets. */
const CERTAIN: readonly Certain[] = ['kill', 'fault'];

/** Cycles of restatements, faults and kills over two sites with the same data; what differs is thrown. */
export class RandomCycles {
  readonly figures: RandomFigures = {
    cycles: 0,
    runs: 0,
    kills: 0,
    faults: 0,
    restatements: 0,
    damages: 0,
    mostCleanRuns: 0,
  };
  /** What was done in the present cycle, for who wonders how it came to this. */
  readonly story: string[] = [];
  readonly #choices: Choices;
  readonly #ofSite: ReadonlyMap<RandomSite, Choices>;

  constructor(
    private readonly sites: readonly RandomSite[],
    seed: number,
  ) {
    this.#choices = new Choices(`random run ${seed}`);
    this.#ofSite = new Map(sites.map((site) => [site, new Choices(`random run ${seed} ${site.engine}`)]));
  }

  /** One cycle; what the destinations hold at its end that the service does not, and the other way round. */
  async cycle(): Promise<string[]> {
    const { figures } = this;
    figures.cycles += 1;
    this.story.length = 0;
    if (figures.cycles > 1) this.#restate();
    const rounds = this.#choices.chance(1, 3) ? 2 : 1;
    for (let round = 1; round <= rounds; round += 1) {
      const certain = round === 1 ? (CERTAIN[figures.cycles - 1] ?? null) : null;
      const before = this.#eTags();
      await Promise.all(this.sites.map((site) => this.#disturb(site, certain, figures.cycles === 1)));
      await this.#evenOut(before);
      if (figures.cycles > 1 && this.#choices.chance(1, 3)) this.#restate();
    }
    const found = await Promise.all(this.sites.map((site) => this.#mend(site)));
    return found.flat().length > 0 ? found.flat() : await differencesOf(this.sites);
  }

  /** Gives some scopes new data, the same on all sites. */
  #restate(): void {
    for (const scope of this.#choices.some(SCOPES, this.#choices.number(1, 3))) {
      const change = {
        changed: this.#choices.number(0, 4),
        removed: this.#choices.number(0, 2),
        added: this.#choices.number(1, 3),
      };
      for (const { sandbox } of this.sites) sandbox.restate(scope, change);
      this.figures.restatements += 1;
      this.story.push(`${labelOf(scope)} restated`);
    }
  }

  /** One run in which much goes wrong. */
  async #disturb(site: RandomSite, certain: Certain, isFirst: boolean): Promise<void> {
    const choices = this.#ofSite.get(site) ?? this.#choices;
    const hasSessions = site.database !== null;
    const disturbance = chooseDisturbance(choices, { certain, isFirst, hasSessions });
    await site.setFaults(disturbance.faults);
    site.sandbox.clearRequests();
    const [end] = await Promise.all([
      site.run(['sync'], disturbance.stop),
      disturbance.cutAfterMs === null ? null : site.cutSessions(disturbance.cutAfterMs),
    ]);
    // What a fault changed in the data while the others were on.
    await site.noteVersions(disturbance.faults);
    const how = end.signal ?? `exit ${end.exitCode ?? ''}`;
    this.story.push(`${site.engine}: ${disturbanceText(disturbance)}: ${how}`);
    const isStopped = end.signal !== null && end.signal === disturbance.stop?.signal;
    if (!isStopped && !HONEST.includes(end.exitCode ?? -1))
      throw new Error(`a disturbed run ended with ${how}: ${end.err}`);
    this.#count(site, disturbance, end.signal !== null || (end.exitCode ?? 0) > 128);
    if (disturbance.damage !== null && (await site.damageSpool(disturbance.damage, choices)))
      this.figures.damages += 1;
  }

  #count(site: RandomSite, { faults, cutAfterMs }: Disturbance, isKilled: boolean): void {
    const { figures } = this;
    figures.runs += 1;
    if (isKilled) figures.kills += 1;
    figures.faults += faultsMet(faults, site.sandbox.requests);
    if (cutAfterMs !== null) figures.faults += 1;
  }

  /** The eTags of all scopes of each site, where no fault is on. */
  #eTags(): Map<RandomSite, string[]> {
    return new Map(
      this.sites.map((site) => {
        site.sandbox.setFaults([]);
        return [site, SCOPES.map((scope) => site.sandbox.expected(scope).eTag)];
      }),
    );
  }

  /** Where a fault gave one service new data, the others get the same. */
  async #evenOut(before: ReadonlyMap<RandomSite, readonly string[]>): Promise<void> {
    const after = this.#eTags();
    for (const [index, scope] of SCOPES.entries()) {
      const isAsBefore = (site: RandomSite) => before.get(site)?.[index] === after.get(site)?.[index];
      if (this.sites.every(isAsBefore)) continue;
      for (const site of this.sites.filter(isAsBefore)) site.sandbox.restate(scope, { changed: 1 });
    }
    for (const site of this.sites) await site.noteVersions();
  }

  /** Runs without a fault until the destination is up to date. */
  async #mend(site: RandomSite): Promise<string[]> {
    await site.setFaults([]);
    let told = '';
    for (let run = 1; run <= MOST_CLEAN_RUNS; run += 1) {
      const end = await site.run(['sync']);
      this.figures.runs += 1;
      this.story.push(`${site.engine}: undisturbed: ${end.signal ?? `exit ${end.exitCode ?? ''}`}`);
      told = end.err;
      if (end.exitCode === 0 && (await site.isCurrent())) {
        this.figures.mostCleanRuns = Math.max(this.figures.mostCleanRuns, run);
        return [];
      }
      if (end.exitCode === 70 || end.exitCode === 1 || end.exitCode === null) break;
    }
    return [`${site.engine} is not up to date after ${MOST_CLEAN_RUNS} undisturbed runs: ${told}`];
  }
}
