/** What methods that spend coins of the wallet share: fee rates, addresses, and why a spending failed. */

import type { Feerate } from '../../../base/amounts.ts';
import type { Node } from '../../../core/running.ts';
import { scriptOfAddress } from '../../../wallet/address.ts';
import { WalletError } from '../../../wallet/errors.ts';
import { apiErrorOf } from '../../apierrors.ts';
import { ApiError } from '../../errors.ts';

/** What callers are told of a transaction that the chain has not heard of yet. */
export const UNANSWERED = 'bitcoind does not answer: the transaction is kept, and given to it once it does';

/** What of a node says what fees are. */
export interface Priced {
  readonly channels: Pick<Node['channels'], 'context'>;
  readonly ports: { readonly chain: Pick<Node['ports']['chain'], 'feerate'> };
}

/** sat per 1,000 weight of a rate as callers state it; an estimate is never below what is relayed now. Throws ChainError. */
export const perKw = async (node: Priced, feerate: Feerate | undefined): Promise<number> => {
  const { relayFeerate } = node.channels.context();
  if (feerate !== undefined && 'perkw' in feerate) return feerate.given === 'minimum' ? relayFeerate : feerate.perkw;
  return Math.max(relayFeerate, await node.ports.chain.feerate(feerate?.blocks ?? 6));
};

/** That a stated rate is too low now, in the caller's own words. */
export const tooLow = (field: string, { given }: Feerate, relayFeerate: number): ApiError =>
  new ApiError(
    'invalid_params',
    `${field}: ${given} is less than what the network relays now, ${relayFeerate}perkw (${relayFeerate / 250}sat/vb)`,
    { field },
  );

/** As `perKw`, for a transaction that must be relayed now. Throws ApiError for a stated rate below that, ChainError. */
export const relayedPerKw = async (
  node: Pick<Node, 'channels' | 'ports'>,
  field: string,
  feerate: Feerate | undefined,
): Promise<number> => {
  const rate = await perKw(node, feerate);
  const { relayFeerate } = node.channels.context();
  if (feerate !== undefined && rate < relayFeerate) throw tooLow(field, feerate, relayFeerate);
  return rate;
};

/** The script of an address in a call. Throws ApiError `invalid_params` for one of another network, or none. */
export const scriptFrom = (node: Pick<Node, 'network'>, field: string, address: string): Uint8Array => {
  try {
    return scriptOfAddress(address, node.network);
  } catch (error) {
    if (!(error instanceof WalletError)) throw error;
    throw new ApiError('invalid_params', `${field}: ${error.message}`);
  }
};

/** Why there may be more coins than the wallet counts; undefined where there cannot. */
const unread = async ({ chainTip, follower }: Pick<Node, 'follower' | 'chainTip'>): Promise<string | undefined> => {
  const glimpse = await chainTip();
  const tip = 'tip' in glimpse ? glimpse.tip : undefined;
  const { height } = follower;
  if (tip === undefined) return 'bitcoind does not answer, so coins that came since are not known';
  if (tip.height > height)
    return `still reading blocks (${height} of ${tip.height}), so coins that came since are not known`;
  return undefined;
};

/** What a spending failed for, as callers are told. What is no refusal of the wallet comes back as it is. */
export const ofSpending = async (node: Pick<Node, 'follower' | 'chainTip'>, error: unknown): Promise<unknown> => {
  const isShort =
    error instanceof WalletError &&
    (error.fault.code === 'insufficient_funds' || error.fault.code === 'reserved_for_claims');
  if (!isShort) return apiErrorOf(error) ?? error;
  const more = await unread(node);
  return new ApiError('fund_cannot_afford', more === undefined ? error.message : `${error.message}; ${more}`);
};
