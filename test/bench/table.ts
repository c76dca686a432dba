/** Figures as an aligned table of text. */

/** Three significant digits for small figures, groups of thousands for large ones. */
export const figureText = (figure: number): string =>
  figure >= 100
    ? Math.round(figure).toLocaleString('en-US')
    : figure.toLocaleString('en-US', { maximumSignificantDigits: 3 });

/** Lines of a table: a title, a head, one line per row. Columns stand in the order in which they first occur. */
export const renderTable = (
  title: string,
  cells: ReadonlyMap<string, ReadonlyMap<string, number>>,
): readonly string[] => {
  const columns = [...new Set([...cells.values()].flatMap((row) => [...row.keys()]))];
  const body = [...cells].map(([label, row]) => [
    label,
    ...columns.map((column) => {
      const figure = row.get(column);
      return figure === undefined ? '-' : figureText(figure);
    }),
  ]);
  const lines = [['', ...columns], ...body];
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length))) ?? [];
  const aligned = lines.map((line) =>
    line
      .map((text, at) => (at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...aligned.map((line) => `  ${line}`)];
};
