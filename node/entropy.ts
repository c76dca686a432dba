/** The Entropy and Clock ports of a real machine. */
import { randomBytes } from 'node:crypto';
import type { Clock, Entropy } from './ports.ts';

export const systemEntropy: Entropy = { bytes: (length) => new Uint8Array(randomBytes(length)) };

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
