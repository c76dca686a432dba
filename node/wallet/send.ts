/** Paying out of the wallet, from choosing coins to the network's answer, and keeping at it until a block has it. */
import { hex, reversed } from '../../wire/bytes.ts';
import type { Sat, Txid } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import type { Chain, ChainTx, Log } from '../ports.ts';
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

/** A txid as people write it. */
export const displayedTxid = (id: Txid): string => hex(reversed(id));

const isRefused = (error: unknown): boolean => error instanceof ChainError && error.fault.code === 'rejected';

/**
 * Publishes a transaction of the wallet, which then counts as sent; where the network refuses it, it counts as never made.
 * A chain that is away is no failure: the transaction goes out with the next `rebroadcast`. Throws ChainError `rejected`.
 */
export const publish = async (wallet: Wallet, chain: Chain, made: ChainTx): Promise<void> => {
  await wallet.sending(made);
  try {
    await chain.broadcast(new Uint8Array(made.tx.toBuffer()));
  } catch (error) {
    if (!isRefused(error)) return;
    await wallet.forget(made.txid);
    throw error;
  }
};

/**
 * Sends an amount, or everything, to a script. Throws WalletError `insufficient_funds`, `reserved_for_claims`, `dust`, `bad_feerate`, or
 * ChainError `rejected`; the coins are free again then.
 */
export const sendTo = async (wallet: Wallet, chain: Chain, payment: Payment): Promise<ChainTx> => {
  const owner = wallet.passingOwner();
  const { script, ...want } = payment;
  const plan = await wallet.reserve(owner, { ...want, scriptLength: script.length });
  try {
    const made = wallet.sign(plan, script);
    await publish(wallet, chain, made);
    return made;
  } catch (error) {
    await wallet.release(owner);
    throw error;
  }
};

/** Gives the network again what no block holds yet: it may have forgotten, or never have heard. Never throws. */
export const rebroadcast = async (wallet: Wallet, chain: Chain, log: Log): Promise<void> => {
  for (const { txid, tx } of wallet.pending()) {
    try {
      await chain.broadcast(new Uint8Array(tx.toBuffer()));
    } catch (error) {
      if (!isRefused(error)) return;
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ txid: displayedTxid(txid), reason }, 'a transaction of ours is not taken by the network');
    }
  }
};
