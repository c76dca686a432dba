/** A request to spend from the wallet, and the coins reserved for it. */
import type { Sat } from '../../wire/units.ts';
import type { Output } from './build.ts';
import type { KeyPath } from './keys.ts';
import type { Fund } from './view.ts';

/** A payment out of the wallet, whose output script may be known only later. */
export interface Want {
  readonly amount: Sat | 'all';
  /** Length of the output script, bytes: 34 for a channel's funding output. */
  readonly scriptLength: number;
  /** Satoshi per 1,000 weight. */
  readonly feerate: number;
  /** Confirmations that a coin must have; 0, the default, also allows change of our own unconfirmed transactions. */
  readonly minDepth?: number;
  /** What must stay in the wallet, sat: of `all` it becomes change, and an amount that leaves less is refused. */
  readonly leave?: Sat;
}

/** The coins reserved for one payment, and the amounts of its outputs and fee. */
export interface Plan {
  readonly owner: string;
  readonly inputs: readonly Fund[];
  readonly amount: Sat;
  readonly fee: Sat;
  readonly change: (Output & { readonly path: KeyPath }) | undefined;
}
