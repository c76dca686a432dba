/** A payment's shards against time: offered, held by the payee, and, once the set is whole, claimed one by one. */
import { type Paint, paintOf } from './print.ts';

/** One shard; times in seconds, of one clock. */
export interface Bar {
  readonly label: string;
  readonly offered: number;
  /** When the payee held it; undefined when nobody saw it there. */
  readonly held: number | undefined;
  /** When it was settled or failed at the payer; undefined while it is under way. */
  readonly resolved: number | undefined;
  readonly outcome: 'claimed' | 'failed' | 'pending';
}

export interface WaterfallOptions {
  /** When the set was complete; undefined when it never was. */
  readonly complete: number | undefined;
  /** Columns of the whole drawing. */
  readonly width: number;
  readonly paint?: Paint;
}

const marks = { claimed: '✔', failed: '✘', pending: '…' } as const;
const least = 20;

/** Milliseconds for people. */
export const millisText = (seconds: number): string => `${Math.round(seconds * 1000).toLocaleString('en-US')} ms`;

type Kind = 'before' | 'going' | 'held' | 'returning' | 'arrival' | 'complete' | 'end';

/** What stands in each column of one bar. `at` maps a time to a column. */
const cells = (bar: Bar, complete: number | undefined, columns: number, at: (time: number) => number): Kind[] => {
  const end = bar.resolved === undefined ? columns - 1 : at(bar.resolved);
  const arrival = bar.held === undefined ? undefined : at(bar.held);
  const whole = complete === undefined ? undefined : at(complete);
  return Array.from({ length: columns }, (_, column): Kind => {
    if (column === end) return 'end';
    if (column === whole) return 'complete';
    if (column < at(bar.offered) || column > end) return 'before';
    if (column === arrival) return 'arrival';
    if (arrival === undefined || column < arrival) return 'going';
    return whole !== undefined && column > whole ? 'returning' : 'held';
  });
};

/** Words of a legend, as many on a line as fit. */
const packed = (words: readonly string[], width: number): readonly string[] => {
  const lines: string[] = [];
  for (const word of words) {
    const before = lines.at(-1);
    if (before !== undefined && before.length + word.length + 3 <= width)
      lines[lines.length - 1] = `${before}   ${word}`;
    else lines.push(word);
  }
  return lines;
};

/** Lines of the drawing: a scale, one line a shard, a legend. Nothing for a payment without shards. */
export const waterfall = (bars: readonly Bar[], options: WaterfallOptions): readonly string[] => {
  const { complete, paint = paintOf(false) } = options;
  if (bars.length === 0) return [];
  const times = bars.flatMap(({ offered, held, resolved }) => [offered, held, resolved]).concat(complete);
  const known = times.filter((time) => time !== undefined);
  const from = Math.min(...known);
  const span = Math.max(Math.max(...known) - from, 0.001);
  const labels = Math.max(...bars.map(({ label }) => label.length));
  const columns = Math.max(least, options.width - labels - 4);
  const at = (time: number): number => Math.round(((time - from) / span) * (columns - 1));
  const margin = ' '.repeat(labels + 4);

  const right = millisText(span);
  const scale = `${margin}0 ms${right.padStart(columns - 4)}`;
  const glyphs: Readonly<Record<Kind, (bar: Bar) => string>> = {
    before: () => ' ',
    going: () => paint.dim('─'),
    arrival: () => paint.yellow('●'),
    held: () => paint.yellow('━'),
    complete: () => paint.bold('┃'),
    returning: () => paint.green('═'),
    end: ({ outcome }) => (outcome === 'failed' ? paint.red : paint.green)(marks[outcome]),
  };
  const drawn = bars.map((bar) => {
    const text = cells(bar, complete, columns, at).map((kind) => glyphs[kind](bar));
    return `  ${bar.label.padEnd(labels)}  ${text.join('')}`.trimEnd();
  });
  const whole =
    complete === undefined ? 'never complete' : `┃ the set is complete, after ${millisText(complete - from)}`;
  const legend = ['─ on its way', '● arrived', '━ held', whole, '═ preimage coming back', '✔ claimed', '✘ failed'];
  return [
    paint.dim(scale),
    ...drawn,
    ...packed(legend, options.width - margin.length).map((line) => paint.dim(`${margin}${line}`)),
  ];
};
