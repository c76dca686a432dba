/** Channels on a chain, played to their end: blocks come, claims are mined as soon as they may be, fates are acknowledged. */

import { expect } from 'vitest';
import type { Claim } from '../../channel/model/claim.ts';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import { recordEarly } from '../support/mirror.ts';
import { elsewhere, rawOf } from '../support/spend.ts';
import { coreOf, eventsOf, offerOf, type Side, secretOf, settle } from './pair.ts';
import { assemble, both, claimsOf, mine, tell, tip, type Who, type World } from './world.ts';

/** The last transaction that a side published. */
export const published = (side: Side): Uint8Array => {
  const last = side.broadcasts.at(-1);
  if (last === undefined) throw new Error('nothing was published');
  return last.tx;
};

/** Gives up on the peer and mines what is published for it. */
export const goOnchain = (world: World, who: Who): void => {
  tell(world, who, { type: 'force_close' });
  mine(world, [published(world.pair[who])]);
};

/** Takes note of every fate that was told, as a node does. */
export const acknowledge = (world: World, who: Who): void => {
  const side = world.pair[who];
  for (const { id } of eventsOf(side, 'resolved'))
    if (coreOf(side).outgoing.get(id)?.acknowledged === false) tell(world, who, { type: 'acknowledge', id });
};

export interface Rules {
  /** Whose claims come first into a block where both want the same output. */
  readonly first?: Who;
  /** Whose claims are mined at all. */
  readonly who?: readonly Who[];
  /** Claims that somebody keeps back. */
  readonly without?: (who: Who, claim: Claim) => boolean;
}

/** The claims that may be in the next block, as transactions, none of two that want the same. */
export const ready = (world: World, { first = 'a', who = both, without = () => false }: Rules = {}): Uint8Array[] => {
  const taken = new Set<string>();
  const next = tip(world) + 1;
  const out: Uint8Array[] = [];
  for (const one of [...both].sort((x) => (x === first ? -1 : 1)).filter((x) => who.includes(x)))
    for (const claim of claimsOf(world, one)) {
      const { txid, index } = claim.outpoint;
      const key = outpointKey(txid, index);
      if (claim.kind === 'bump' || claim.from > next || taken.has(key) || without(one, claim)) continue;
      taken.add(key);
      out.push(assemble(world, one, claim));
    }
  return out;
};

/** Nothing that is claimed could have been in an earlier block: those that may be in the one after next are refused now. */
const refusedNow = (world: World, who: readonly Who[]): void => {
  for (const one of who)
    for (const claim of claimsOf(world, one)) {
      if (claim.kind === 'bump' || claim.from !== tip(world) + 2) continue;
      const raw = assemble(world, one, claim);
      expect(() => world.chain.mine(1, elsewhere, { only: [raw] }), claim.why).toThrow(/final/);
      recordEarly(raw);
    }
};

/** One block with all that may be in it. */
export const advance = (world: World, rules: Rules = {}): void => {
  const { who = both } = rules;
  refusedNow(world, who);
  mine(world, ready(world, rules));
  for (const one of who) acknowledge(world, one);
};

export const isClosed = (world: World, who: Who): boolean => world.pair[who].state.phase === 'closed';

/** Plays until a side's channel is over. */
export const playOut = (world: World, rules: Rules = {}): void => {
  const { who = both } = rules;
  for (let blocks = 0; who.some((one) => !isClosed(world, one)); blocks++) {
    if (blocks > 400)
      throw new Error(`not over after ${blocks} blocks: ${who.map((one) => world.pair[one].state.phase)}`);
    advance(world, rules);
  }
};

/** An offer that is not signed yet. */
export const offer = (so: World, who: Who, sat: number, n: number, blocks = 20): void =>
  tell(so, who, { ...offerOf(BigInt(sat) * 1000n, n), expiry: tip(so) + blocks });

/** An HTLC that both have. */
export const htlc = (so: World, who: Who, sat: number, n: number, blocks = 20): void => {
  offer(so, who, sat, n, blocks);
  settle(so.pair);
};

/** A side learns the preimage of an HTLC that it received. */
export const reveal = (so: World, who: Who, id: bigint, n: number): void =>
  tell(so, who, { type: 'fulfill', id, preimage: secretOf(n) });

/** Mines the commitment of a side, as it is. */
export const close = (so: World, whose: Who): void => mine(so, [signedLocalCommitment(coreOf(so.pair[whose]))]);

/** What a side's claims are about. */
export const whys = (so: World, who: Who): readonly string[] => claimsOf(so, who).map(({ why }) => why);

/** Whether a side has nothing left to take and to tell; its channel waits for depth alone. */
const isQuiet = (world: World, who: Who): boolean => {
  const { incoming, outgoing } = coreOf(world.pair[who]);
  const told = [...outgoing.values()].every(({ over }) => over) && [...incoming.values()].every(({ over }) => over);
  return isClosed(world, who) || (told && claimsOf(world, who).length === 0);
};

/** Plays until both have all that is theirs. */
export const playDown = (world: World, rules: Rules = {}): void => {
  for (let blocks = 0; both.some((who) => !isQuiet(world, who)); blocks++) {
    if (blocks > 200) throw new Error(`still something to claim or to tell after ${blocks} blocks`);
    advance(world, rules);
  }
};

/** How the HTLCs that a side offered ended, in the order in which it was told. */
export const fates = (side: Side): readonly string[] =>
  eventsOf(side, 'resolved').map(({ id, result }) => `${id} ${result.kind}`);

/** What spent the funding output in the chain. */
export const closingOf = (world: World): Uint8Array => {
  const { watches, funding } = world.keepers.a;
  const spend = watches.get(funding)?.told;
  if (spend === undefined) throw new Error('the funding output is not spent');
  return rawOf(spend.tx);
};
