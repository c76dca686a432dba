/** HTLC transactions that pay no fee of their own, made fit to be relayed: coins of the wallet are added, as the peer's signatures allow. */
import type { Transaction } from 'bitcoinjs-lib';
import { claimWitness } from '../../channel/claims/witness.ts';
import type { Funded } from '../../channel/model/state.ts';
import type { Node } from '../core/node.ts';
import { assemble } from '../sweep/assemble.ts';
import { planClaim } from '../sweep/plan.ts';
import type { SignedHtlc } from './commitments.ts';

/** These with transactions that pay what the chain asks for now, each from coins of its own; the same where there are no coins. */
export const withFees = async (
  { wallet, follower, ports: { chain } }: Pick<Node, 'wallet' | 'follower' | 'ports'>,
  state: Funded,
  htlcs: readonly SignedHtlc[],
): Promise<readonly SignedHtlc[]> => {
  const estimatedFeerate = await chain.feerate(2);
  const { script } = await wallet.newAddress();
  const none = { kept: [], refused: 0n, parentWeight: 0, stake: 0n, otherCommitmentFeerate: 0, claimsNeedingCoins: 0 };
  let { free } = wallet.feeCoins('');
  return htlcs.map((htlc) => {
    const { claim } = htlc;
    if (claim === undefined) return htlc;
    const move = planClaim(claim, undefined, { ...none, tip: follower.top.height, estimatedFeerate, free, script });
    if (move.do !== 'build') return htlc;
    const { draft } = move;
    free = free.filter((coin) => !draft.coins.includes(coin));
    const tx: Transaction = assemble(claim, draft, {
      witness: (open, digest) => claimWitness(state, open, digest),
      coins: (made, inputs) => wallet.signCoins(made, inputs),
    });
    return { ...htlc, tx };
  });
};
