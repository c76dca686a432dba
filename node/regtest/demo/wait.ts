/** Waiting for something to become true, with an end and with words for when it did not. */

/** Something did not come about in time; the message says what was waited for and what the last look at it said. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Patience {
  /** Milliseconds until it is given up; 30,000 unless told. */
  readonly timeout?: number;
  /** Milliseconds between two looks; 50 unless told. */
  readonly every?: number;
}

/**
 * Looks again and again until `probe` gives something other than undefined. A probe that throws counts as "not yet", unless
 * `fatal` says otherwise of its error. Throws TooLate.
 */
export const until = async <T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  { timeout = 30_000, every = 50 }: Patience = {},
  fatal: (error: unknown) => boolean = () => false,
): Promise<T> => {
  const end = Date.now() + timeout;
  let last = '';
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined) return found;
      last = '';
    } catch (error) {
      if (fatal(error)) throw error;
      last = `; the last look: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() >= end) throw new TooLate(`waited ${timeout / 1000} s for ${what}${last}`);
    await sleep(every);
  }
};
