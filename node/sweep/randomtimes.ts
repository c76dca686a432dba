/**
 * Random times for republishing claims. An attacker can evict a claim from the mempool by replacing it (replacement cycling), and has to
 * do so after each broadcast; random intervals keep those times unknown to him.
 */
import type { Clock, Entropy } from '../ports/ports.ts';

/** A random integer from `least` to `most`, nearly uniform. */
export const randomBetween = (entropy: Entropy, [least, most]: readonly [least: number, most: number]): number => {
  const bytes = entropy.bytes(4);
  return least + (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) % (most - least + 1));
};

/** Milliseconds between two broadcasts of claims, at least and at most: about ten broadcasts a block. */
export const REPUBLISH_MS = [20_000, 100_000] as const;

/** Calls `run` at such random times until the function returned is called. */
export const atRandomTimes = (clock: Pick<Clock, 'after'>, entropy: Entropy, run: () => void): (() => void) => {
  let cancel = (): void => undefined;
  const next = (): void => {
    cancel = clock.after(randomBetween(entropy, REPUBLISH_MS), () => {
      next();
      run();
    });
  };
  next();
  return () => cancel();
};
