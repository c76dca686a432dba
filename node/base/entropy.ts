/** The Entropy and Clock ports of a real machine. */
import { randomBytes } from 'node:crypto';
import type { Clock, Entropy } from '../ports/ports.ts';

/** Node's timers hold 31 bits of milliseconds; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemEntropy: Entropy = { bytes: (length) => new Uint8Array(randomBytes(length)) };

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = left > LONGEST_MS ? setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS) : setTimeout(run, left);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
