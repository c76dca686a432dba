/** How a run ends: everybody comes back, everything is delivered, time passes, until nothing is under way any more. */
import { preimageOf } from '../../channel/model/htlc.ts';
import type { ChannelState, Core } from '../../channel/model/state.ts';
import { hasNothingInFlight } from '../../channel/model/updates.ts';
import { hex } from '../../wire/bytes.ts';
import { attendAll, block, connectAll } from './blocks.ts';
import type { Site } from './site.ts';
import type { World } from './world.ts';

/** Everybody is up and connected, and all that can be said is said. */
const gather = async (world: World): Promise<void> => {
  world.withoutChain.clear();
  for (const { place } of world.sites) await world.start(place);
  await world.settle();
  await connectAll(world);
  await world.settle();
};

/** Whether nobody need wait for what becomes of a node. */
const isLost = (world: World, place: number): boolean => world.isThief(place) || world.isUnresponsive(place);

const isPaying = (world: World): boolean =>
  world.sites.some(({ node, place }) => !isLost(world, place) && (node?.payments.pending().length ?? 0) > 0);

/** Whether a node has this id, in hex. */
const isAt = ({ node }: Site, id: string): boolean => node !== undefined && hex(node.keys.nodeId) === id;

/**
 * Whether something is under way in an open channel. With a peer that does not respond: something that we offered, or can claim; what
 * else is half signed is for the peer to go on with.
 */
const isBusy = (core: Core, asleep: boolean): boolean =>
  asleep
    ? [...core.outgoing.values()].some(({ acknowledged }) => !acknowledged) ||
      [...core.incoming.values()].some((htlc) => preimageOf(htlc) !== undefined)
    : !hasNothingInFlight(core);

/** Whether a fundee waits for a funding that may never come: the weeks that it waits for it must go by. */
const isUnfunded = (state: ChannelState): boolean =>
  (state.phase === 'open' || state.phase === 'failed') &&
  state.core.params.role === 'fundee' &&
  state.core.lockin.scid === undefined;

/** Channels that still have to come to something, to those whom that concerns: HTLCs, a close, a spend not deep enough. */
const unsettled = (world: World): readonly ChannelState[] =>
  world.sites.flatMap(({ node, place }) =>
    [...(node?.channels.entries.values() ?? [])].flatMap(({ peer, machine: { state } }): readonly ChannelState[] => {
      if (isLost(world, place) || state.phase === 'closed') return [];
      // Whoever never published it need not see its end.
      if (isUnfunded(state) && !world.isHonest(place)) return [];
      if (state.phase !== 'open') return [state];
      const { core, shutdown } = state;
      const asleep = world.sites.some((other) => world.isUnresponsive(other.place) && isAt(other, peer));
      // The blocks that a funding waits for.
      const opening = core.lockin.scid === undefined || !core.lockin.received;
      const closing = shutdown.ours !== undefined || shutdown.theirs !== undefined;
      return isBusy(core, asleep) || opening || closing ? [state] : [];
    }),
  );

/** Whether a channel waits for nothing but that a peer has been silent for long enough. */
const isIdle = (state: ChannelState): boolean =>
  isUnfunded(state) ||
  (state.phase === 'open' && state.core.lockin.scid !== undefined && !isBusy(state.core, true)) ||
  (state.phase === 'negotiating' && state.agreed === undefined);

/** Milliseconds: first what a last share is kept back for, then longer than a payment is tried and an incomplete set held. */
const PAUSES = [3_000, 3_000, 61_000] as const;

/** Blocks that suffice for the latest expiry, every delay after it, and a hundred more. */
const MOST_BLOCKS = 400;

/** Blocks after which nobody waits for a close any more. */
const MOST_PATIENT = 3500;
/** Blocks that go by when nothing happens in them. */
const STRIDE = 36;

/** Blocks after which even what was agreed in cheaper times gets into one. */
const DEAR_BLOCKS = 100;
/** The same where it was to stay dear: after all that is given up for its fee was given up. */
const VERY_DEAR_BLOCKS = 250;

/** Throws when it does not come to pass. */
export const windDown = async (world: World): Promise<void> => {
  world.trace('-- rest');
  const { height } = world.ledger.tip;
  const dear = world.staysHigh ? VERY_DEAR_BLOCKS : DEAR_BLOCKS;
  // A channel that is opened in a run has longer delays than those it begins with.
  let most = height + MOST_BLOCKS * (world.openings.length > 0 ? 2 : 1);
  for (let round = 0; world.ledger.tip.height < most; round++) {
    await gather(world);
    const paying = isPaying(world);
    if (world.ledger.tip.height >= height + dear) world.price(0);
    const left = unsettled(world);
    if (!paying && left.length === 0) return;
    if (!paying && world.unresponsiveLinks.size > 0 && left.every(isIdle)) {
      for (let i = 0; i < STRIDE; i++) await world.mine();
      most = Math.min(most + STRIDE, height + MOST_PATIENT);
      await attendAll(world);
    }
    if (paying) await world.pass(PAUSES[round % PAUSES.length] ?? 0);
    // Payments that wait for each other need time alone; what waits for the chain needs blocks.
    if (!paying || round >= PAUSES.length) await block(world);
  }
  const states = world.sites.flatMap(({ name, node }) =>
    [...(node?.channels.entries.values() ?? [])].map(({ key, machine }) => `${name} ${key} ${machine.state.phase}`),
  );
  throw new Error(`no rest: payments ${isPaying(world)}, ${states.join(', ')}`);
};
