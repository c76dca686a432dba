/** A request to spend from the wallet, the coins chosen for it, and those reserved. */
import type { Sat } from '../../wire/units.ts';
import type { Output } from './build.ts';
import type { WalletState } from './coins.ts';
import { WalletError } from './errors.ts';
import type { KeyPath } from './keys.ts';
import { selectCoins } from './select.ts';
import { type Fund, heldBack, spendable } from './view.ts';

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

type Chosen = ReturnType<typeof selectCoins<Fund>>;

/**
 * Coins with that many confirmations that pay for this. Unconfirmed change is used only where confirmed coins do not suffice: every
 * unconfirmed parent is a risk. Throws WalletError `insufficient_funds`, `bad_feerate`.
 */
export const chooseCoins = (
  state: WalletState,
  spending: Parameters<typeof selectCoins>[1],
  minDepth: number,
): Chosen => {
  const select = (depth: number): Chosen | WalletError => {
    try {
      return selectCoins(spendable(state, depth), spending);
    } catch (error) {
      if (!(error instanceof WalletError) || error.fault.code !== 'insufficient_funds') throw error;
      return new WalletError({ ...error.fault, held: heldBack(state, depth) });
    }
  };
  const confirmed = spending.amount !== 'all' && minDepth < 1 ? select(1) : undefined;
  const chosen = confirmed === undefined || confirmed instanceof WalletError ? select(minDepth) : confirmed;
  if (chosen instanceof WalletError) throw chosen;
  return chosen;
};
