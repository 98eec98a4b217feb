/**
 * What several streams yield, as it comes. Where one fails, or the iteration is left, all are told to stop by the signal
 * that they were made with, and are at their end before the merged one is.
 * @throws what the first of them to fail throws; the signal's reason when it is aborted
 */
export async function* mergeStreams<T>(
  streams: readonly ((stop: AbortSignal) => AsyncGenerator<T, void, undefined>)[],
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const left = new AbortController();
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const open = streams.map((make) => make(stop));
  const next = async (stream: (typeof open)[number]) => ({ stream, result: await stream.next() });
  const waiting = new Map(open.map((stream) => [stream, next(stream)]));
  try {
    while (waiting.size > 0) {
      const { stream, result } = await Promise.race(waiting.values());
      if (result.done === true) {
        waiting.delete(stream);
        continue;
      }
      yield result.value;
      waiting.set(stream, next(stream));
    }
  } finally {
    left.abort();
    await Promise.allSettled([...waiting.values()]);
    await Promise.allSettled(open.map((stream) => stream.return()));
  }
}
