/** Spends from the wallet: selects coins, broadcasts the transaction, and broadcasts it again until it is confirmed. */

import type { Sat, Txid } from '../../wire/units.ts';
import { displayedTxid } from '../base/txids.ts';
import { ChainError } from '../chain/errors.ts';
import { rememberedBlocks } from '../chain/followrules.ts';
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

/** A transaction of the wallet that was broadcast. */
export interface Given extends ChainTx {
  /** False while bitcoind does not answer: the transaction is broadcast once it does. */
  readonly taken: boolean;
}

/** bitcoind's reject reason; undefined for any other error. */
export const refusalOf = (error: unknown): string | undefined =>
  error instanceof ChainError && error.fault.code === 'rejected' ? error.message : undefined;

const rawOf = ({ tx }: ChainTx): Uint8Array => new Uint8Array(tx.toBuffer());

/** Whether bitcoind answered. Where it rejected the transaction, the wallet forgets that, and the error is thrown. */
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
 * Broadcasts a transaction of the wallet, which then counts as sent; where bitcoind rejects it, it counts as never made. A bitcoind
 * that does not answer is no failure: the next `rebroadcast` sends the transaction. Throws ChainError `rejected`.
 */
export const publish = async (wallet: Wallet, chain: Chain, made: ChainTx): Promise<Given> => {
  await wallet.sending(made);
  return { ...made, taken: await handOver(wallet, chain, made) };
};

/**
 * Sends an amount, or everything, to a script. Throws WalletError `insufficient_funds`, `reserved_for_claims`, `dust`, `bad_feerate`, or
 * ChainError `rejected`; the coins are then free again.
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
 * Gives up an unconfirmed transaction of ours: broadcasts another that spends its inputs back to the wallet. Throws WalletError
 * `cannot_give_up`, `insufficient_funds`, or ChainError `rejected`; then nothing has changed.
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

/**
 * Broadcasts unconfirmed transactions again: mempools may have dropped them, or ask a lower fee by now. Says which are given up since a
 * reorg took their coins. Throws StoreError alone.
 */
export const rebroadcast = async (wallet: Wallet, chain: Chain, log: Log, refusals: Refusals): Promise<void> => {
  for (const id of wallet.abandoned())
    if (refusals.note(id, 'its coins left the chain'))
      log.warn(
        { txid: displayedTxid(id) },
        `a transaction of the wallet is given up: a reorganization took coins that it spends out of the chain, and they did not come back within ${rememberedBlocks} blocks. Its other coins are free; what it was to pay is not paid`,
      );
  for (const made of wallet.pending()) {
    const fields = { txid: displayedTxid(made.txid) };
    try {
      await chain.broadcast(rawOf(made));
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === undefined) return;
      if (refusals.note(made.txid, reason))
        log.warn(
          { ...fields, reason },
          'bitcoind rejects a transaction of the wallet; it is broadcast again with each block',
        );
      continue;
    }
    await wallet.accepted(made.txid);
    if (refusals.note(made.txid, undefined))
      log.info(fields, 'bitcoind now accepts a transaction of the wallet that it rejected before');
  }
};
