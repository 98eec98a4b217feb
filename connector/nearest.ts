/**
 * Of the known words the one that is most like `word`, or null where none is near: at most a third of its letters,
 * and at least one, may differ (letters replaced, missing, added or swapped; letter case counts for nothing), or one
 * begins with the other.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  const wanted = word.toLowerCase().slice(0, 100);
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best === undefined) return null;
  const beginning = known.find((candidate) => isBeginning(wanted, candidate.toLowerCase()));
  const near = Math.max(1, Math.floor(Math.max(wanted.length, best.candidate.length) / 3));
  return best.distance <= near ? best.candidate : (beginning ?? null);
}

function isBeginning(word: string, candidate: string): boolean {
  return (
    Math.min(word.length, candidate.length) >= 3 && (word.startsWith(candidate) || candidate.startsWith(word))
  );
}

/** Damerau-Levenshtein distance (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows = from.length + 1;
  const columns = to.length + 1;
  const cells = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => (row === 0 ? column : column === 0 ? row : 0)),
  );
  const at = (row: number, column: number) => cells[row]?.[column] ?? Infinity;
  for (let row = 1; row < rows; row += 1) {
    for (let column = 1; column < columns; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const line = cells[row];
      if (line === undefined) continue;
      line[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Infinity,
      );
    }
  }
  return at(rows - 1, columns - 1);
}
