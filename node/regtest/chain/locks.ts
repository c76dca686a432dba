/** When a transaction may be in a block: absolute locks (BIP 113) and relative ones (BIP 68), by height and by median time. */
import type { Transaction } from 'bitcoinjs-lib';
import type { Coin } from './coins.ts';

/** A block about to be made: its height, and the median time past of the block below, in seconds since 1970. */
export interface Next {
  readonly height: number;
  readonly medianTime: number;
}

/** A locktime below this is a height, from here on a time. */
const timeThreshold = 500_000_000;
const finalSequence = 0xffffffff;
/** BIP 68's parts of a sequence: no lock at all, a lock in time rather than blocks, how long. */
const noLock = 0x80000000;
const inTime = 0x00400000;
const lockMask = 0x0000ffff;
const secondsPerUnit = 512;

/** Whether the absolute lock has passed in this block. A transaction whose inputs are all final has none. */
export const isFinal = ({ locktime, ins }: Transaction, { height, medianTime }: Next): boolean =>
  locktime === 0 ||
  locktime < (locktime < timeThreshold ? height : medianTime) ||
  ins.every(({ sequence }) => sequence === finalSequence);

/**
 * Whether every relative lock has passed in this block. `spent` are the coins of the inputs in order, `medianTimeAt` gives
 * the median time past of the branch's block at a height. Versions below 2 have no relative locks.
 */
export const relativeLocksPassed = (
  { version, ins }: Transaction,
  spent: readonly Coin[],
  next: Next,
  medianTimeAt: (height: number) => number,
): boolean =>
  version >>> 0 < 2 ||
  ins.every(({ sequence }, i) => {
    const coin = spent[i];
    if (coin === undefined || (sequence & noLock) !== 0) return true;
    const length = sequence & lockMask;
    if ((sequence & inTime) === 0) return coin.height + length <= next.height;
    return medianTimeAt(Math.max(coin.height - 1, 0)) + length * secondsPerUnit <= next.medianTime;
  });
