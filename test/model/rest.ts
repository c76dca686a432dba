/** How a run ends: everybody comes back, everything is delivered, time passes, until nothing is under way any more. */
import { preimageOf } from '../../channel/claiming.ts';
import type { Core } from '../../channel/state.ts';
import { isQuiet } from '../../channel/updates.ts';
import { channelOf } from './base.ts';
import { block } from './blocks.ts';
import type { World } from './world.ts';

/** Everybody is up and connected, and all that can be said is said. */
const gather = async (world: World): Promise<void> => {
  for (const { place } of world.sites) await world.start(place);
  await world.settle();
  for (const link of world.wires.links.keys()) await world.join(link);
  await world.settle();
};

/** Whether nobody need wait for what becomes of a node. */
const isLost = (world: World, place: number): boolean => world.isThief(place) || world.isAsleep(place);

const isPaying = (world: World): boolean =>
  world.sites.some(({ node, place }) => !isLost(world, place) && (node?.payments.pending().length ?? 0) > 0);

/**
 * Whether something is under way in an open channel. With a peer that sleeps: something that we offered, or can claim; what
 * else is half signed is for the peer to go on with.
 */
const isBusy = (core: Core, asleep: boolean): boolean =>
  asleep
    ? core.outgoing.size > 0 || [...core.incoming.values()].some((htlc) => preimageOf(htlc) !== undefined)
    : !isQuiet(core);

/** True while some channel still has to come to something: HTLCs, a close, a spend not deep enough. */
const isUnsettled = (world: World): boolean =>
  world.sites.some(({ node, place }) =>
    [...(node?.channels.entries.values() ?? [])].some(({ key, machine: { state } }) => {
      if (isLost(world, place) || state.phase === 'closed') return false;
      if (state.phase !== 'open') return true;
      const { core, shutdown } = state;
      const asleep = [place - 1, place].some((link) => channelOf(link) === key && world.isAsleep(2 * link + 1 - place));
      return isBusy(core, asleep) || shutdown.ours !== undefined || shutdown.theirs !== undefined;
    }),
  );

/** Milliseconds: first what a last share is kept back for, then longer than a payment is tried and an incomplete set held. */
const PAUSES = [3_000, 3_000, 61_000] as const;

/** Blocks that suffice for the latest expiry, every delay after it, and a hundred more. */
const MOST_BLOCKS = 400;

/** Blocks after which even what was agreed in cheaper times gets into one. */
const DEAR_BLOCKS = 100;

/** Throws when it does not come to pass. */
export const rest = async (world: World): Promise<void> => {
  world.trace('-- rest');
  const { height } = world.ledger.tip;
  for (let round = 0; world.ledger.tip.height < height + MOST_BLOCKS; round++) {
    await gather(world);
    const paying = isPaying(world);
    if (!world.isDear && world.ledger.tip.height >= height + DEAR_BLOCKS) world.price(0);
    if (!paying && !isUnsettled(world)) return;
    if (paying) await world.pass(PAUSES[round % PAUSES.length] ?? 0);
    // Payments that wait for each other need time alone; what waits for the chain needs blocks.
    if (!paying || round >= PAUSES.length) await block(world);
  }
  const states = world.sites.flatMap(({ name, node }) =>
    [...(node?.channels.entries.values() ?? [])].map(({ key, machine }) => `${name} ${key} ${machine.state.phase}`),
  );
  throw new Error(`no rest: payments ${isPaying(world)}, ${states.join(', ')}`);
};
