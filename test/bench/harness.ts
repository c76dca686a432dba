/**
 * A small bench harness: warm up, run for a given time in several rounds, keep the median. Only ratios between figures of
 * one run on one quiet machine mean anything.
 */
import { type Backends, backends, useBackends } from '../../wire/crypto.ts';
import { presentCurves } from '../support/backends.ts';
import { renderTable } from './table.ts';

/** One bench. A file in this folder exports one as `bench` and stands in the list of main.ts. */
export interface Bench {
  /** What to call it: `npm run bench NAME`. */
  readonly name: string;
  /** One line that says what is measured. */
  readonly about: string;
  run(scope: Scope): void | Promise<void>;
}

/** Where a bench puts its figures. */
export interface Scope {
  /** Starts a new table; `unit` says what its figures are. */
  table(title: string, unit?: string): void;
  /** Calls `run` again and again and puts how often per second into a cell. */
  rate(row: string, column: string, run: () => void): number;
  /** As `rate`, one call after the other has settled. */
  rateAsync(row: string, column: string, run: () => Promise<void>): Promise<number>;
  /** Puts a figure that was measured in another way. */
  put(row: string, column: string, figure: number): void;
  /** A line below the table. */
  note(text: string): void;
}

const ROUNDS = 5;
const WARM_UP = 0.25;
/** A clock is asked once per batch of about this many seconds, so that asking costs nothing. */
const BATCH_SECONDS = 0.001;

const now = (): number => Number(process.hrtime.bigint()) / 1e9;

/** The middle of some figures. */
export const median = (figures: readonly number[]): number => {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
};

/** Calls per second of `batch(n)`, which makes n calls, over `seconds`. */
const callsPerSecond = (seconds: number, batch: (calls: number) => void): number => {
  let calls = 1;
  for (const until = now() + seconds * WARM_UP; now() < until; ) {
    const from = now();
    batch(calls);
    if (now() - from < BATCH_SECONDS) calls *= 2;
  }
  const rounds = Array.from({ length: ROUNDS }, () => {
    const from = now();
    let made = 0;
    let took = 0;
    do {
      batch(calls);
      made += calls;
      took = now() - from;
    } while (took < seconds / ROUNDS);
    return made / took;
  });
  return median(rounds);
};

const callsPerSecondAsync = async (seconds: number, run: () => Promise<void>): Promise<number> => {
  for (const until = now() + seconds * WARM_UP; now() < until; ) await run();
  const rounds: number[] = [];
  while (rounds.length < ROUNDS) {
    const from = now();
    let made = 0;
    let took = 0;
    do {
      await run();
      made++;
      took = now() - from;
    } while (took < seconds / ROUNDS);
    rounds.push(made / took);
  }
  return median(rounds);
};

/** Runs one bench and prints its tables: `seconds` is what one cell takes, `print` takes lines, `progress` what is at work. */
export const runBench = async (
  bench: Bench,
  seconds: number,
  print: (line: string) => void,
  progress: (text: string) => void,
): Promise<void> => {
  let title = bench.about;
  let unit = 'per second';
  let cells = new Map<string, Map<string, number>>();
  const notes: string[] = [];

  const flush = (): void => {
    if (cells.size > 0) for (const line of renderTable(`${title} (${unit})`, cells)) print(line);
    for (const note of notes.splice(0)) print(`  ${note}`);
    if (cells.size > 0) print('');
    cells = new Map();
  };
  const put = (row: string, column: string, figure: number): void => {
    cells.set(row, (cells.get(row) ?? new Map<string, number>()).set(column, figure));
  };

  await bench.run({
    table: (nextTitle, nextUnit = 'per second') => {
      flush();
      title = nextTitle;
      unit = nextUnit;
    },
    rate: (row, column, run) => {
      progress(`${bench.name}: ${row}, ${column}`);
      const figure = callsPerSecond(seconds, (calls) => {
        for (let i = 0; i < calls; i++) run();
      });
      put(row, column, figure);
      return figure;
    },
    rateAsync: async (row, column, run) => {
      progress(`${bench.name}: ${row}, ${column}`);
      const figure = await callsPerSecondAsync(seconds, run);
      put(row, column, figure);
      return figure;
    },
    put,
    note: (text) => notes.push(text),
  });
  progress('');
  flush();
};

/**
 * Runs `measure` once under each set of backends that works here: every curve, @noble with @noble's hashes and ciphers,
 * the others with node:crypto. `name` is the curve's and makes a good column. Afterwards all is as it was.
 */
export const underEachBackend = async (measure: (name: Backends['curve']) => void | Promise<void>): Promise<void> => {
  const before = backends();
  try {
    for (const curve of presentCurves()) {
      useBackends({ curve, symmetric: curve === 'noble' ? 'noble' : 'node' });
      await measure(curve);
    }
  } finally {
    useBackends(before);
  }
};
