import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createSlots } from '../../../connector/extract/package-download.js';

/** Tasks that end when they are told to, and the names of those that began, in order. */
function tasks(): {
  readonly begun: string[];
  readonly task: (name: string) => () => Promise<void>;
  readonly end: (name: string) => Promise<void>;
} {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    task: (name) => () => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    },
    end: async (name) => {
      ends.get(name)?.();
      await turn();
    },
  };
}

it('what becomes free goes to the package that came first, so that it is whole while others still download', async () => {
  const { begun, task, end } = tasks();
  const slots = createSlots(2);
  const [a, b] = [slots.line(), slots.line()];
  const all = [b(task('b1')), a(task('a1')), b(task('b2')), a(task('a2')), b(task('b3')), a(task('a3'))];
  await turn();
  expect(begun).toEqual(['b1', 'a1']);
  for (const name of ['b1', 'a1', 'a2', 'a3', 'b2', 'b3']) await end(name);
  expect(begun).toEqual(['b1', 'a1', 'a2', 'a3', 'b2', 'b3']);
  await Promise.all(all);
});

it('a task that fails gives its slot to the next one, and leave is kept for those that come later', async () => {
  const { begun, task, end } = tasks();
  const slots = createSlots(1);
  const line = slots.line();
  const failing = line(() => Promise.reject(new Error('cut')));
  const next = line(task('next'));
  await expect(failing).rejects.toThrow('cut');
  await turn();
  expect(begun).toEqual(['next']);
  await end('next');
  await next;
  const later = slots.line()(task('later'));
  await turn();
  expect(begun).toEqual(['next', 'later']);
  await end('later');
  await later;
});
