/** What one case of the benchmark measured, in a process of its own. */
export interface Measurement {
  readonly case: string;
  readonly rows: number;
  /** Wall-clock seconds of the measured work, without the start of the process. */
  readonly seconds: number;
  /** CPU seconds of this process, all threads; a Postgres server's own are not in it. */
  readonly cpuSeconds: number;
  /** Peak resident memory of this process, in MiB. */
  readonly peakMib: number;
  /** Sum of the amount as the side under test has it, as text; null where nothing is kept. */
  readonly sum: string | null;
}

/** Runs the work once and measures it; `work` returns the rows it handled and their sum. */
export async function measure(
  name: string,
  work: () => Promise<{ rows: number; sum: string | null }>,
): Promise<Measurement> {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const { rows, sum } = await work();
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    case: name,
    rows,
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakMib: process.resourceUsage().maxRSS / 1024,
    sum,
  };
}
