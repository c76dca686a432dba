/** Methods that spend coins of the wallet, and what such methods share. */

import { hex } from '../../wire/bytes.ts';
import { sat } from '../../wire/units.ts';
import type { Feerate } from '../api/amounts.ts';
import { ApiError } from '../api/errors.ts';
import type { Handlers } from '../api/table.ts';
import { ChainError } from '../chain/errors.ts';
import { reserveOf } from '../channels/reserve.ts';
import type { Node } from '../node.ts';
import { displayedTxid } from '../txids.ts';
import { scriptOfAddress } from '../wallet/address.ts';
import { WalletError } from '../wallet/errors.ts';
import { sendTo } from '../wallet/send.ts';

/** What callers are told of a transaction that the chain has not heard of yet. */
export const UNANSWERED = 'bitcoind does not answer: the transaction is kept, and given to it once it does';

/** sat per 1,000 weight of a rate as callers state it. */
export const perKw = async (node: Node, feerate: Feerate | undefined): Promise<number> => {
  if (feerate !== undefined && 'perkw' in feerate) return feerate.perkw;
  return node.ports.chain.feerate(feerate?.blocks ?? 6);
};

/** The script of an address in a call. Throws ApiError `invalid_params` for one of another network, or none. */
export const scriptFrom = (node: Node, field: string, address: string): Uint8Array => {
  try {
    return scriptOfAddress(address, node.network);
  } catch (error) {
    if (!(error instanceof WalletError)) throw error;
    throw new ApiError('invalid_params', `${field}: ${error.message}`);
  }
};

/** What the wallet refused, as callers are told; undefined for any other error. */
export const ofWallet = (error: unknown): ApiError | undefined => {
  if (!(error instanceof WalletError)) return undefined;
  const { code } = error.fault;
  const short = code === 'insufficient_funds' || code === 'reserved_for_claims';
  const reason = short ? 'fund_cannot_afford' : code === 'dust' ? 'fund_dust' : 'general';
  return new ApiError(reason, error.message);
};

export const walletHandlers = (node: Node): Pick<Handlers, 'withdraw'> => ({
  withdraw: async ({ destination, satoshi, feerate, minconf, use_reserve: useReserve }) => {
    const script = scriptFrom(node, 'destination', destination);
    const rate = await perKw(node, feerate);
    const leave = useReserve ? sat(0n) : reserveOf(node.config.reserve, node.channels.entries.values());
    try {
      const payment = { script, amount: satoshi, feerate: rate, minDepth: minconf, leave };
      const made = await sendTo(node.wallet, node.ports.chain, payment);
      return {
        tx: hex(new Uint8Array(made.tx.toBuffer())),
        txid: displayedTxid(made.txid),
        ...(!made.taken && { warning_unpublished: UNANSWERED }),
      };
    } catch (error) {
      const refusal = ofWallet(error);
      if (refusal !== undefined) throw refusal;
      if (error instanceof ChainError) throw new ApiError('general', `nothing was sent: ${error.message}`);
      throw error;
    }
  },
});
