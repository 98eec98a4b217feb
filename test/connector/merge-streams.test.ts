import { describe, expect, it } from 'vitest';
import { mergeStreams } from '../../connector/merge-streams.js';

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of stream) found.push(one);
  return found;
}

/** A stream that yields what it is told to when it is told to, and says how it ended. */
class Told {
  readonly ended: string[] = [];
  private waiting: ((value: string | null) => void)[] = [];
  private readonly told: (string | null)[] = [];

  say(value: string | null): void {
    const next = this.waiting.shift();
    if (next === undefined) this.told.push(value);
    else next(value);
  }

  stream = async function* (this: Told, stop: AbortSignal): AsyncGenerator<string, void, undefined> {
    try {
      for (;;) {
        const value = await new Promise<string | null>((resolve, reject) => {
          const told = this.told.shift();
          if (told !== undefined) resolve(told);
          else this.waiting.push(resolve);
          stop.addEventListener('abort', () => reject(new Error('stopped')));
        });
        if (value === null) return;
        if (value === 'fail') throw new Error('failed');
        yield value;
      }
    } finally {
      this.ended.push(stop.aborted ? 'stopped' : 'by itself');
    }
  }.bind(this);
}

describe('merged streams', () => {
  it('yield everything that each yields, in the order of each', async () => {
    const [a, b] = [new Told(), new Told()];
    for (const value of ['a1', 'a2', 'a3', null]) a.say(value);
    for (const value of ['b1', 'b2', null]) b.say(value);
    const found = await all(mergeStreams([a.stream, b.stream]));
    expect(found.filter((value) => value.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(found.filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2']);
    expect(found).toHaveLength(5);
  });

  it('do not wait for one that has nothing yet', async () => {
    const [slow, quick] = [new Told(), new Told()];
    quick.say('1');
    quick.say('2');
    const merged = mergeStreams([slow.stream, quick.stream]);
    expect((await merged.next()).value).toBe('1');
    expect((await merged.next()).value).toBe('2');
    slow.say('3');
    expect((await merged.next()).value).toBe('3');
    await merged.return();
    expect([slow.ended, quick.ended]).toEqual([['stopped'], ['stopped']]);
  });

  it('end with the error of the first that fails, after all others have ended', async () => {
    const [bad, other] = [new Told(), new Told()];
    bad.say('fail');
    await expect(all(mergeStreams([bad.stream, other.stream]))).rejects.toThrow('failed');
    expect(other.ended).toEqual(['stopped']);
  });

  it('end when they are told to', async () => {
    const stop = new AbortController();
    const [a, b] = [new Told(), new Told()];
    const merged = all(mergeStreams([a.stream, b.stream], stop.signal));
    stop.abort();
    await expect(merged).rejects.toThrow('stopped');
    expect([...a.ended, ...b.ended]).toEqual(['stopped', 'stopped']);
  });

  it('of none are at their end', async () => {
    expect(await all(mergeStreams([]))).toEqual([]);
  });
});
