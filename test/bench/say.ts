/** A line on standard error, with the seconds since the process began: standard output is for the figures. */
export function say(what: string): void {
  process.stderr.write(`[${process.uptime().toFixed(0)} s] ${what}\n`);
}
