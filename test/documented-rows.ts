/** The rows of the first table after a heading of a Markdown page: its cells, without code marks; not its head. */
export function documentedRows(page: string, heading: string): string[][] {
  const [, section = ''] = page.split(`${heading}\n`);
  const table = section.split('\n').filter((_line, index, lines) => {
    const first = lines.findIndex((other) => other.startsWith('|'));
    const end = lines.findIndex((other, at) => at > first && !other.startsWith('|'));
    return index >= first && (end === -1 || index < end);
  });
  return table.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}
