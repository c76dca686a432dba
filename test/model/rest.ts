/** How a run ends: everybody comes back, everything is delivered, time passes, until nothing is under way any more. */
import { isQuiet } from '../../channel/updates.ts';
import type { World } from './world.ts';

/** Everybody is up and connected, and all that can be said is said. */
const gather = async (world: World): Promise<void> => {
  for (const { place } of world.sites) await world.start(place);
  await world.settle();
  for (const link of world.wires.links.keys()) await world.join(link);
  await world.settle();
};

const isPaying = (world: World): boolean =>
  world.sites.some(({ node }) => node?.payments.all().some(({ status }) => status === 'pending'));

/** True while some channel still has to come to something: HTLCs, a close, a spend not deep enough. */
const isUnsettled = (world: World): boolean =>
  world.sites.some(({ node }) =>
    [...(node?.channels.entries.values() ?? [])].some(({ machine: { state } }) => {
      if (state.phase === 'closed') return false;
      if (state.phase !== 'open') return true;
      const { core, shutdown } = state;
      return !isQuiet(core) || shutdown.ours !== undefined || shutdown.theirs !== undefined;
    }),
  );

const isOnchain = (world: World): boolean =>
  world.sites.some(({ node }) =>
    [...(node?.channels.entries.values() ?? [])].some(({ machine: { state } }) => state.phase === 'onchain'),
  );

/** Milliseconds: first what a last share is kept back for, then longer than a payment is tried and an incomplete set held. */
const PAUSES = [3_000, 3_000, 61_000] as const;

/** Throws when it does not come to pass. */
export const rest = async (world: World): Promise<void> => {
  world.trace('-- rest');
  for (let waits = 0, blocks = 0; waits < 20 && blocks < 400; ) {
    await gather(world);
    if (isPaying(world)) {
      await world.pass(PAUSES[waits++ % PAUSES.length] ?? 0);
    } else if (isUnsettled(world)) {
      // Without a channel on chain, blocks alone change little.
      blocks += isOnchain(world) ? 1 : 20;
      await world.mine();
    } else return;
  }
  const states = world.sites.flatMap(({ name, node }) =>
    [...(node?.channels.entries.values() ?? [])].map(({ key, machine }) => `${name} ${key} ${machine.state.phase}`),
  );
  throw new Error(`no rest: payments ${isPaying(world)}, ${states.join(', ')}`);
};
