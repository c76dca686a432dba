/** What is asked of the wallet for one payment, and what it sets aside. */
import type { Sat } from '../../wire/units.ts';
import type { Output } from './build.ts';
import type { KeyPath } from './keys.ts';
import type { Fund } from './view.ts';

/** One payment out of the wallet, whose script may be known only later. */
export interface Want {
  readonly amount: Sat | 'all';
  /** Bytes of the script it will go to: 34 for a channel's funding output. */
  readonly scriptLength: number;
  /** Satoshi per 1,000 weight. */
  readonly feerate: number;
  /** Confirmations a coin must have; 0, unless told, adds change of our own transactions. */
  readonly minDepth?: number;
  /** What must stay in the wallet: of `all` it comes back, and an amount that does not leave it is refused. */
  readonly leave?: Sat;
}

/** Coins set aside for one payment, and how they divide. */
export interface Plan {
  readonly owner: string;
  readonly inputs: readonly Fund[];
  readonly amount: Sat;
  readonly fee: Sat;
  readonly change: (Output & { readonly path: KeyPath }) | undefined;
}
