import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { BenchFiles } from './bench-files.js';
import { measure, type Measurement } from './measure.js';
import { parseFiles, publishFiles } from './our-side.js';
import { mergeReadJson } from './read-json-side.js';

/** One case, as bench.ts asks a child process for it: each has a process of its own, so that peak memory is its own. */
export const benchCaseSchema = z.discriminatedUnion('case', [
  z.object({ case: z.literal('duckdb'), path: z.string(), memoryLimit: z.string() }),
  z.object({ case: z.literal('postgres'), url: z.string() }),
  z.object({ case: z.literal('read_json'), path: z.string(), memoryLimit: z.string() }),
  z.object({ case: z.literal('discard'), times: z.number().int().min(1) }),
]);

/** See {@link benchCaseSchema}. */
export type BenchCase = z.infer<typeof benchCaseSchema>;

async function runCase(files: BenchFiles, asked: BenchCase): Promise<Measurement> {
  switch (asked.case) {
    case 'duckdb': {
      const { path, memoryLimit } = asked;
      return await measure('ours, DuckDB', () =>
        publishFiles(files, { type: 'duckdb', path, memory_limit: memoryLimit }),
      );
    }
    case 'postgres':
      return await measure('ours, Postgres', () => publishFiles(files, { type: 'postgres', url: asked.url }));
    case 'read_json':
      return await measure('DuckDB read_json + MERGE', () =>
        mergeReadJson(files, asked.path, asked.memoryLimit),
      );
    case 'discard':
      return await measure('ours, sink discarded', () => parseFiles(files, asked.times));
  }
}

const [, script, filesPath, asked] = process.argv;
if (script?.endsWith('bench-case.js') === true && filesPath !== undefined && asked !== undefined) {
  const files = JSON.parse(await readFile(filesPath, 'utf8')) as BenchFiles;
  const result = await runCase(files, benchCaseSchema.parse(JSON.parse(asked)));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
