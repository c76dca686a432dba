/** Repeats a call to a chain that may not answer, with growing pauses; the log gets one line for all failures in a row. */
import type { Clock, Log } from '../ports/ports.ts';
import { ChainError, isRetriable } from './errors.ts';

export interface Retry {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called with the reason for the retries, and with undefined once the chain answers. */
  readonly onProblem?: (why: string | undefined) => void;
}

/** Milliseconds before the first retry; the pause doubles up to the second value. */
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
 * Calls `ask` until it succeeds, as long as its error is one that `passes`: by default, the chain is unreachable or starting. Throws
 * ChainError `closed` when aborted, and any other error of `ask`.
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
