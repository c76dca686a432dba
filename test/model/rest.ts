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

/** Longer than a payment is tried, and than an incomplete set is held. */
const LONG = 61_000;

/** Throws when it does not come to pass. */
export const rest = async (world: World): Promise<void> => {
  world.trace('-- rest');
  for (let round = 0; round < 400; round++) {
    await gather(world);
    if (isPaying(world)) await world.pass(LONG);
    else if (isUnsettled(world)) await world.mine();
    else return;
  }
  const states = world.sites.flatMap(({ name, node }) =>
    [...(node?.channels.entries.values() ?? [])].map(({ key, machine }) => `${name} ${key} ${machine.state.phase}`),
  );
  throw new Error(`no rest: payments ${isPaying(world)}, ${states.join(', ')}`);
};
