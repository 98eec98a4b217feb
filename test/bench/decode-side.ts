import { createReadStream } from 'node:fs';
import { systemClock } from '../../connector/clock.js';
import { loadDecoder } from '../../connector/decoder-choice.js';
import type { ParsedPart } from '../../schemas/batch.js';
import { STREAMS } from '../../schemas/streams.js';
import { BlobRecords, type RecordSource } from '../../transforms/blob-records.js';
import { parseDecimal } from '../../transforms/decimal.js';
import { DecodedRecords } from '../../transforms/decoded-records.js';
import { openBody } from '../../transforms/gunzip.js';
import { PARSE_LIMITS } from '../../transforms/parse-blob.js';
import { ReferenceDecoder } from '../../transforms/reference-record.js';
import type { BenchFiles } from './bench-files.js';
import { cpuSeconds, peakBytes, type Measurement } from './measure.js';

const { table } = STREAMS.billed_usage;
const AMOUNT_AT = table.columns.findIndex(({ name }) => name === table.amount);
const AMOUNT_FIELD = new RegExp(`"${table.columns[AMOUNT_AT]?.source}":(-?[\\d.eE+-]+)`);

/** Lines in memory, as they come inflated: 1 MiB pieces, cut anywhere. */
interface Lines {
  readonly chunks: readonly Uint8Array[];
  /** All of it, for the rival, which wants whole lines: where each begins and ends in `bytes`. */
  readonly bytes: Buffer;
  readonly ends: readonly number[];
}

/** How often each side has its turn, the rival first. */
const ROUNDS = 5;
/** Lines that the reference decoder reads: it is slow, and its figure is only by the way. */
const REFERENCE_LINES = 5000;

/**
 * Lines that are inflated and in memory, decoded to Arrow buffers by the fast decoder, and the same lines by
 * `JSON.parse`, in turns, on one core; beside them the reference decoder. Each has the median of its rounds, and its best
 * as a count. The rival is given its lines cut; ours finds them, validates, and makes keys and hashes.
 * @param most lines that are taken from the front of the blobs
 */
export async function measureDecoding(files: BenchFiles, most: number): Promise<readonly Measurement[]> {
  const lines = await linesOf(files, most);
  const decoder = await loadDecoder().take(table, PARSE_LIMITS);
  const decoded = (visit: (part: ParsedPart) => void): void =>
    run(new DecodedRecords('bench', decoder, PARSE_LIMITS, null), lines.chunks, visit);
  const rounds = { ours: [] as Round[], rival: [] as Round[] };
  let rows = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.rival.push(timed(() => parseLines(lines)));
    rows = 0;
    rounds.ours.push(timed(() => decoded((part) => (rows += rowsOf(part)))));
  }
  const some = await linesOf(files, Math.min(most, REFERENCE_LINES));
  const reference = new BlobRecords('bench', table, await ReferenceDecoder.of(table), PARSE_LIMITS);
  const slow = timed(() => run(reference, some.chunks, () => undefined));
  const exact = exactSum(lines);
  const all = lines.ends.length;
  const bestOf = (of: readonly Round[]): string => Math.min(...of.map(({ seconds }) => seconds)).toFixed(3);
  return [
    measurement('decode JSON.parse', 'JSON.parse of each line’s text', all, median(rounds.rival), {
      note: `median of ${ROUNDS} in turns; best ${bestOf(rounds.rival)} s; money is a double there`,
    }),
    measurement('decode ours', 'ours: lines to Arrow buffers, keys and hashes', rows, median(rounds.ours), {
      note: `median of ${ROUNDS} in turns; best ${bestOf(rounds.ours)} s`,
      sums: { decoded: String(sumOf(decoded)), text: String(exact) },
    }),
    measurement('decode reference', 'ours, reference decoder', some.ends.length, slow, { note: 'a sample' }),
  ];
}

interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

function timed(work: () => void): Round {
  const cpu = cpuSeconds();
  const start = systemClock.monotonicMs();
  work();
  return { seconds: (systemClock.monotonicMs() - start) / 1000, cpuSeconds: cpuSeconds() - cpu };
}

function median(rounds: readonly Round[]): Round {
  const sorted = rounds.toSorted((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)] ?? { seconds: NaN, cpuSeconds: NaN };
}

function measurement(
  id: string,
  what: string,
  rows: number,
  round: Round,
  { note, sums }: { note: string; sums?: Readonly<Record<string, string>> },
): Measurement {
  return {
    ...{ id, what, rows, note, ...round },
    peakMb: peakBytes() / 1e6,
    serverCpuSeconds: null,
    stages: {},
    counts: {},
    contents: sums === undefined ? null : { rows, sums },
  };
}

/** As much as parse-blob.ts does between bytes and batches. */
function run(records: RecordSource, chunks: readonly Uint8Array[], visit: (part: ParsedPart) => void): void {
  for (const chunk of chunks) for (const part of records.push(chunk, true)) visit(part);
  for (const part of records.end(true)) visit(part);
}

function rowsOf(part: ParsedPart): number {
  return part.kind === 'batch' ? part.batch.records.numRows : 0;
}

function parseLines({ bytes, ends }: Lines): void {
  let from = 0;
  for (const end of ends) {
    if (JSON.parse(bytes.toString('utf8', from, end)) === null) throw new Error('a line is null');
    from = end + 1;
  }
}

/** The amounts as the decoder has them, in units of 10^-22. */
function sumOf(decoded: (visit: (part: ParsedPart) => void) => void): bigint {
  let sum = 0n;
  decoded((part) => {
    if (part.kind !== 'batch') return;
    const values = part.batch.records.data.children[AMOUNT_AT]?.values as Uint32Array | undefined;
    if (values === undefined) return;
    const words = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let row = 0; row < part.batch.records.numRows; row += 1)
      sum += (words.getBigInt64(row * 16 + 8, true) << 64n) + words.getBigUint64(row * 16, true);
  });
  return sum;
}

/** The amounts as the lines spell them, in units of 10^-22. */
function exactSum({ bytes, ends }: Lines): bigint {
  let sum = 0n;
  let from = 0;
  for (const end of ends) {
    const text = AMOUNT_FIELD.exec(bytes.toString('utf8', from, end))?.[1] ?? '';
    const parsed = parseDecimal(text);
    if ('rejected' in parsed) throw new Error(`an amount is ${text}`);
    sum += parsed.unscaled;
    from = end + 1;
  }
  return sum;
}

async function linesOf(files: BenchFiles, most: number): Promise<Lines> {
  const pieces: Uint8Array[] = [];
  const ends: number[] = [];
  let length = 0;
  for (const { path } of files.blobs) {
    const body = await openBody(createReadStream(path, { highWaterMark: 2 ** 20 }), PARSE_LIMITS);
    for await (const chunk of body.chunks) {
      pieces.push(chunk);
      for (let at = chunk.indexOf(0x0a); at !== -1 && ends.length < most; at = chunk.indexOf(0x0a, at + 1))
        ends.push(length + at);
      length += chunk.length;
      if (ends.length === most) break;
    }
    if (ends.length === most) break;
  }
  const bytes = Buffer.concat(pieces).subarray(0, (ends.at(-1) ?? -1) + 1);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 2 ** 20) chunks.push(bytes.subarray(at, at + 2 ** 20));
  return { chunks, bytes, ends };
}
