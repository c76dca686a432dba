/** Asking a chain that may be away: the same question again, more and more slowly, said once in the log and not each time. */
import type { Clock, Log } from '../ports/ports.ts';
import { ChainError, isRetriable } from './errors.ts';

export interface Retry {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told what the chain is asked again for, and undefined once it answers. */
  readonly onProblem?: (why: string | undefined) => void;
}

/** Milliseconds before the first second try, and the longest pause it grows to by doubling. */
export const firstPause = 250;
const longestPause = 10_000;

/** Resolves after that many milliseconds, or at once when aborted. */
export const pause = ({ clock, signal }: Retry, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });

/**
 * The answer to `ask`, asked again while the chain is unreachable or warming up, or whatever else `passes` by waiting. Throws
 * ChainError `closed` when aborted, and whatever `ask` throws that waiting does not mend.
 */
export const retryWhile = async <T>(
  retry: Retry,
  ask: () => Promise<T>,
  passes: (error: unknown) => error is ChainError = isRetriable,
): Promise<T> => {
  let wait = firstPause;
  for (let failures = 0; ; failures++) {
    if (retry.signal.aborted) throw new ChainError({ code: 'closed' });
    try {
      const answer = await ask();
      if (failures > 0) {
        retry.onProblem?.(undefined);
        retry.log.info({ tries: failures + 1 }, 'the chain answers again');
      }
      return answer;
    } catch (error) {
      if (!passes(error)) throw error;
      if (failures === 0) retry.log.warn({ fault: error.fault }, `${error.message}; retrying until it answers`);
      retry.onProblem?.(error.message);
      await pause(retry, wait);
      wait = Math.min(longestPause, wait * 2);
    }
  }
};
