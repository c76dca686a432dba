/** Plain tables for a terminal: columns as wide as what is in them, numbers to the right. */

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly right?: true;
}

/** Cells of a column of numbers, their points under each other. */
const aligned = (cells: readonly string[]): readonly string[] =>
  cells.some((cell) => /\.\d{3}$/.test(cell))
    ? cells.map((cell) => (/^[\d,]+$/.test(cell) ? `${cell}    ` : cell))
    : cells;

/** Lines of a table with its titles on top. */
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

/** Lines of names and values, the values under each other. */
export const pairLines = (pairs: readonly (readonly [name: string, value: string])[]): readonly string[] => {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd());
};

/** 1500000000 as 1,500,000: millisatoshi in satoshi, the odd thousandths behind a point. */
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

/** Enough of a long id to tell it from others by eye. */
export const shortText = (id: unknown): string =>
  typeof id === 'string' && id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : typeof id === 'string' ? id : '';
