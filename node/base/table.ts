/** Tables for a terminal: columns as wide as their contents, numbers aligned to the right, and no line wider than the terminal. */

/** What a cell says at a glance; the terminal gives it a colour. */
export type Tone = 'good' | 'waiting' | 'bad' | 'quiet' | 'title';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly right?: true;
  /** Shorter cells for a table that is too wide. */
  readonly short?: (row: Row) => string;
  /** A table that is still too wide goes without the columns that have this number, the highest first. */
  readonly drop?: number;
  /** At the end the longest of these are cut. */
  readonly cut?: true;
  readonly tone?: (row: Row) => Tone | undefined;
}

/** Where a table is to be read. */
export interface Place {
  /** Characters of a line; no limit where it is undefined. */
  readonly width?: number | undefined;
  /** Gives a text its colour; texts are left as they are without it. */
  readonly paint?: ((tone: Tone, text: string) => string) | undefined;
}

/** Between two columns. */
const GAP = 2;
/** A cell that is cut keeps so much. */
const LEAST_CELL = 8;

/** Cells of a column of numbers, aligned at the decimal point. */
const aligned = (cells: readonly string[]): readonly string[] =>
  cells.some((cell) => /\.\d{3}$/.test(cell))
    ? cells.map((cell) => (/^[\d,]+$/.test(cell) ? `${cell}    ` : cell))
    : cells;

/** A text of at most so many characters, with a mark where it was cut. */
export const cutText = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;

interface Filled<Row> {
  readonly column: Column<Row>;
  /** The title and a cell for each row. */
  readonly texts: readonly string[];
  readonly width: number;
}

const filled = <Row>(column: Column<Row>, rows: readonly Row[], isShort: boolean): Filled<Row> => {
  const cells = rows.map((isShort && column.short) || column.cell);
  const texts = [column.title, ...(column.right === true ? aligned(cells) : cells)];
  return { column, texts, width: texts.reduce((widest, { length }) => Math.max(widest, length), 0) };
};

const widthOf = (all: readonly { readonly width: number }[]): number =>
  all.reduce((sum, { width }) => sum + width + GAP, -GAP);

/** The columns that a line of this width has room for, with cells that fit; none that is empty. */
const fitting = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): readonly Filled<Row>[] => {
  const used = columns.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  let all = used.map((column) => filled(column, rows, false));
  if (widthOf(all) > width) all = used.map((column) => filled(column, rows, true));
  while (widthOf(all) > width) {
    const drop = Math.max(...all.map(({ column }) => column.drop ?? 0));
    if (drop === 0) break;
    all = all.filter(({ column }) => column.drop !== drop);
  }
  for (let over = widthOf(all) - width; over > 0; over = widthOf(all) - width) {
    const widest = Math.max(LEAST_CELL, ...all.map((one) => (one.column.cut ? one.width : 0)));
    const at = all.findIndex((one) => one.column.cut && one.width === widest);
    const one = all[at];
    if (one === undefined || widest === LEAST_CELL) break;
    const left = Math.max(LEAST_CELL, widest - over);
    all = all.with(at, { ...one, texts: one.texts.map((text) => cutText(text, left)), width: left });
  }
  return all;
};

/** The lines of a table, with a row of titles; columns with nothing in them are left out. A line is wider than its place only where its columns may be neither cut nor left out. */
export const tableLines = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width = Number.POSITIVE_INFINITY, paint = (_, text) => text }: Place = {},
): readonly string[] => {
  const all = fitting(columns, rows, width);
  return [undefined, ...rows].map((row, line) => {
    const cells = all.map(({ column, texts, width: wide }, at) => {
      const text = texts[line] ?? '';
      const padded = column.right === true ? text.padStart(wide) : at === all.length - 1 ? text : text.padEnd(wide);
      const tone = row === undefined ? 'title' : column.tone?.(row);
      return tone === undefined || text === '' ? padded : paint(tone, padded);
    });
    return cells.join(' '.repeat(GAP)).trimEnd();
  });
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
