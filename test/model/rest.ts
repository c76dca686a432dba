/** How a run ends: everybody comes back, everything is delivered, time passes, until nothing is under way any more. */
import { isQuiet } from '../../channel/updates.ts';
import { block } from './blocks.ts';
import type { World } from './world.ts';

/** Everybody is up and connected, and all that can be said is said. */
const gather = async (world: World): Promise<void> => {
  for (const { place } of world.sites) await world.start(place);
  await world.settle();
  for (const link of world.wires.links.keys()) await world.join(link);
  await world.settle();
};

const isPaying = (world: World): boolean =>
  world.sites.some(({ node, place }) => !world.isThief(place) && (node?.payments.pending().length ?? 0) > 0);

/** True while some channel still has to come to something: HTLCs, a close, a spend not deep enough. */
const isUnsettled = (world: World): boolean =>
  world.sites.some(({ node, place }) =>
    [...(node?.channels.entries.values() ?? [])].some(({ machine: { state } }) => {
      if (world.isThief(place)) return false;
      if (state.phase === 'closed') return false;
      if (state.phase !== 'open') return true;
      const { core, shutdown } = state;
      return !isQuiet(core) || shutdown.ours !== undefined || shutdown.theirs !== undefined;
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
    if (world.ledger.tip.height >= height + DEAR_BLOCKS) world.price(0);
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
