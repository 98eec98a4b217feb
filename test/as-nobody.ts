/**
 * Runs `work` without the rights of root, which reads files whatever their mode. Another user than root has none to
 * lay down. Everything that `work` reads must be open to others on the way there.
 */
export async function withoutRootRights<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.('nobody');
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
