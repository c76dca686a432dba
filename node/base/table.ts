/** Plain tables for a terminal: columns as wide as their contents, numbers aligned to the right. */

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly right?: true;
}

/** Cells of a column of numbers, aligned at the decimal point. */
const aligned = (cells: readonly string[]): readonly string[] =>
  cells.some((cell) => /\.\d{3}$/.test(cell))
    ? cells.map((cell) => (/^[\d,]+$/.test(cell) ? `${cell}    ` : cell))
    : cells;

/** The lines of a table, with a row of titles. */
export const tableLines = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly string[] => {
  const filled = columns.map(({ title, cell, right }) => {
    const cells = rows.map(cell);
    const all = [title, ...(right === true ? aligned(cells) : cells)];
    const width = all.reduce((widest, { length }) => Math.max(widest, length), 0);
    return all.map((one) => (right === true ? one.padStart(width) : one.padEnd(width)));
  });
  return [undefined, ...rows].map((_, line) =>
    filled
      .map((column) => column[line] ?? '')
      .join('  ')
      .trimEnd(),
  );
};

/** Lines of names and values, the values aligned. */
export const pairLines = (pairs: readonly (readonly [name: string, value: string])[]): readonly string[] => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
};

/** Millisatoshi as satoshi: 1500000000 as 1,500,000, a remainder as decimals. */
export const satText = (msat: unknown): string => {
  if (typeof msat !== 'number' && typeof msat !== 'string') return '';
  const amount = BigInt(msat);
  const whole = String(amount / 1000n).replace(/\B(?=(?:\d{3})+$)/g, ',');
  const rest = amount % 1000n;
  return rest === 0n ? whole : `${whole}.${String(rest).padStart(3, '0')}`;
};

/** Seconds since 1970 as 2026-03-28 11:17:56, UTC. */
export const timeText = (seconds: unknown): string =>
  typeof seconds === 'number' ? new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ') : '';

/** A long id, shortened for people. */
export const shortText = (id: unknown): string =>
  typeof id === 'string' && id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : typeof id === 'string' ? id : '';
