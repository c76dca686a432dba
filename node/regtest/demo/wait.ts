/** Waits for a condition, with a time limit and an error that says what was waited for. */

/** A condition was not met in time; the message says which, and what the last attempt returned. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** Milliseconds between the first two looks, and twice as long each time. */
const FIRST = 10;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Patience {
  /** Milliseconds until it is given up; 60,000 unless told. */
  readonly timeout?: number;
  /** Milliseconds between two looks at most; 50 unless told. The first looks follow each other sooner. */
  readonly every?: number;
}

/**
 * Calls `probe` repeatedly until it returns something other than undefined. A probe that throws counts as "not yet", unless `fatal` says
 * otherwise of its error. Throws TooLate.
 */
export const until = async <T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  { timeout = 60_000, every = 50 }: Patience = {},
  fatal: (error: unknown) => boolean = () => false,
): Promise<T> => {
  const end = Date.now() + timeout;
  let last = '';
  for (let pause = Math.min(FIRST, every); ; pause = Math.min(2 * pause, every)) {
    try {
      const found = await probe();
      if (found !== undefined) return found;
      last = '';
    } catch (error) {
      if (fatal(error)) throw error;
      last = `; the last look: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() >= end) throw new TooLate(`waited ${timeout / 1000} s for ${what}${last}`);
    await sleep(pause);
  }
};
