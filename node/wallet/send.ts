/** Paying out of the wallet, from choosing coins to the network's answer, and keeping at it until a block has it. */

import type { Sat, Txid } from '../../wire/units.ts';
import { displayedTxid } from '../base/txids.ts';
import { ChainError } from '../chain/errors.ts';
import type { Chain, ChainTx, Log } from '../ports/ports.ts';
import type { Refusals } from './refusals.ts';
import type { Wallet } from './wallet.ts';

export interface Payment {
  readonly script: Uint8Array;
  readonly amount: Sat | 'all';
  /** Satoshi per 1,000 weight. */
  readonly feerate: number;
  readonly minDepth?: number;
  /** What must stay in the wallet. */
  readonly leave?: Sat;
}

/** A transaction of the wallet that was given to the network. */
export interface Given extends ChainTx {
  /** False while bitcoind has not answered: it goes out once it does. */
  readonly taken: boolean;
}

/** The network's words where it refuses a transaction; undefined for any other error. */
export const refusalOf = (error: unknown): string | undefined =>
  error instanceof ChainError && error.fault.code === 'rejected' ? error.message : undefined;

const rawOf = ({ tx }: ChainTx): Uint8Array => new Uint8Array(tx.toBuffer());

/** Whether the chain answered; where it refused, the wallet is to forget the transaction, and what it said is thrown. */
const handOver = async (wallet: Wallet, chain: Chain, made: ChainTx): Promise<boolean> => {
  try {
    await chain.broadcast(rawOf(made));
    return true;
  } catch (error) {
    if (refusalOf(error) === undefined) return false;
    await wallet.forget(made.txid);
    throw error;
  }
};

/**
 * Publishes a transaction of the wallet, which then counts as sent; where the network refuses it, it counts as never made.
 * A chain that is away is no failure: the transaction goes out with the next `rebroadcast`. Throws ChainError `rejected`.
 */
export const publish = async (wallet: Wallet, chain: Chain, made: ChainTx): Promise<Given> => {
  await wallet.sending(made);
  return { ...made, taken: await handOver(wallet, chain, made) };
};

/**
 * Sends an amount, or everything, to a script. Throws WalletError `insufficient_funds`, `reserved_for_claims`, `dust`, `bad_feerate`, or
 * ChainError `rejected`; the coins are free again then.
 */
export const sendTo = async (wallet: Wallet, chain: Chain, payment: Payment): Promise<Given> => {
  const owner = wallet.passingOwner();
  const { script, ...want } = payment;
  const plan = await wallet.reserve(owner, { ...want, scriptLength: script.length });
  try {
    return await publish(wallet, chain, wallet.sign(plan, script));
  } catch (error) {
    await wallet.release(owner);
    throw error;
  }
};

/**
 * Takes the coins of a transaction of ours that no block holds back to the wallet, by another one. Throws WalletError
 * `cannot_give_up`, `insufficient_funds`, or ChainError `rejected`; then the first stands as before.
 */
export const takeBack = async (
  wallet: Wallet,
  chain: Chain,
  id: Txid,
  feerate: number,
): Promise<Given & { readonly fee: Sat }> => {
  const made = await wallet.giveUp(id, feerate);
  return { ...made, taken: await handOver(wallet, chain, made) };
};

/** Gives the network again what no block holds yet: it may have forgotten, never have heard, or want less now. Never throws. */
export const rebroadcast = async (wallet: Wallet, chain: Chain, log: Log, refusals: Refusals): Promise<void> => {
  for (const made of wallet.pending()) {
    const fields = { txid: displayedTxid(made.txid) };
    try {
      await chain.broadcast(rawOf(made));
      if (refusals.note(made.txid, undefined)) log.info(fields, 'the network now takes a transaction that it refused');
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === undefined) return;
      if (refusals.note(made.txid, reason))
        log.warn(
          { ...fields, reason },
          'the network refuses a transaction of ours; it is given to it again with each block',
        );
    }
  }
};
