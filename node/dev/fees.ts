/** Adds inputs of the wallet to HTLC transactions without a fee, which the peer's SIGHASH_SINGLE signatures allow. */
import type { Transaction } from 'bitcoinjs-lib';
import { claimWitness } from '../../channel/claims/claimwitness.ts';
import type { Funded } from '../../channel/model/state.ts';
import type { Node } from '../core/node.ts';
import { assemble } from '../sweep/assemble.ts';
import { planClaim } from '../sweep/plan.ts';
import type { SignedHtlc } from './commitments.ts';

/** The same HTLCs with transactions that pay the current fee estimate, each with inputs of its own; unchanged where there are no coins. */
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
