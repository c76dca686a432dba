/** Waiting for the chain's tip when a node starts. */
import type { Follower } from './follower.ts';

/**
 * Waits until the chain was followed to its tip. Where that ends before, `ends` are run, in order, and what ended it is thrown:
 * ChainError, `closed` when aborted.
 */
export const reachTip = async (
  follower: Follower,
  signal: AbortSignal,
  ends: readonly (() => Promise<void> | void)[],
): Promise<void> => {
  const giveUp = (): void => void follower.stop();
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  try {
    await follower.caughtUp;
  } catch (error) {
    for (const end of ends) await end();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
};
