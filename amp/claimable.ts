/**
 * Whether the preimages of a set may be told. Who told one and is not paid goes on chain for it; where the channel has anchors,
 * that takes coins of the wallet, and an HTLC that cannot be claimed before its expiry is its payer's again, who has the
 * preimage by then. So what could not be claimed goes back instead, unless there is nothing to lose: what is worth less than its
 * claim is lost in that case whatever the wallet holds.
 */
import type { AtStake, Claiming } from './io.ts';
import type { HeldSet } from './sets.ts';

/** What the claims of these would cost, msat: each its transaction, and each channel the child of its commitment. */
export const costOf = (htlcs: Iterable<AtStake>, { channels: paid, claim, commitment }: Claiming): bigint => {
  const opened = new Set<string>();
  let sum = 0n;
  for (const { channels, amount } of htlcs) {
    const needy = channels.filter((channel) => paid.has(channel));
    if (needy.length === 0 || amount <= claim) continue;
    sum += claim;
    for (const channel of needy) opened.add(channel);
  }
  return sum + commitment * BigInt(opened.size);
};

const partsOf = (set: HeldSet): readonly AtStake[] =>
  [...set.parts.values()].map(({ key, amount }) => ({ channels: [key.channel], amount }));

/** HTLCs whose preimages were told and that are not gone for good. */
export const claimedOf = (sets: Iterable<HeldSet>): readonly AtStake[] =>
  [...sets].flatMap((set) => (set.phase.kind === 'settled' ? partsOf(set) : []));

/** Whether the wallet can pay for the claims of a whole set beside those of the sets that were claimed before. */
export const canClaim = (set: HeldSet, sets: Iterable<HeldSet>, claiming: Claiming | undefined): boolean => {
  if (claiming === undefined) return true;
  const own = partsOf(set);
  if (costOf(own, claiming) === 0n) return true;
  return costOf([...claimedOf(sets), ...own, ...claiming.forwarded], claiming) <= claiming.available;
};
