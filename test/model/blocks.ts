/**
 * Blocks, as a node may rely on them. Its money is safe only if it looks at the chain often enough and its transactions get
 * into it soon enough (BOLT 2, "cltv_expiry_delta Selection"), so before each block whoever runs keeps up with the last one,
 * no honest node sleeps for long, and no miner leaves out everything for long.
 */
import type { MineOptions } from './ledger.ts';
import type { World } from './world.ts';

/** Blocks in a row that a dead node may miss, and that may be empty. */
const MOST_SLEPT = 2;
const MOST_EMPTY = 2;
/** Milliseconds, in which everybody looks at the mempool. */
const GLANCE = 6_000;

/** Lets a node do all that it does by itself about the chain as it is; its peers may hear nothing of it. */
const attend = async (world: World, place: number): Promise<void> => {
  const { disk } = world.site(place);
  for (let turns = 0; ; turns++) {
    const node = world.node(place);
    if (disk.pending === 0 && node !== undefined && node.follower.top.hash === world.ledger.tip.hash) return;
    if (turns > 1000) throw new Error(`${world.site(place).name} does not keep up with the chain`);
    await world.flush(place, disk.pending);
  }
};

/** Everybody who runs has read the chain as it is. */
export const attendAll = async (world: World): Promise<void> => {
  for (const { place, isDown } of world.sites) if (!isDown) await attend(world, place);
};

/** One more block. */
export const block = async (world: World, options: MineOptions = {}): Promise<void> => {
  const { strain } = world;
  for (const { place, isDown } of world.sites) {
    const slept = isDown ? (strain.slept[place] ?? 0) + 1 : 0;
    strain.slept[place] = slept;
    if (slept > MOST_SLEPT && world.isHonest(place)) await world.start(place);
  }
  await attendAll(world);
  await world.pass(GLANCE);
  await attendAll(world);
  const empty = options.empty === true && strain.empty < MOST_EMPTY;
  strain.empty = empty ? strain.empty + 1 : 0;
  await world.mine({ ...options, empty });
};

/**
 * Takes the last blocks off and mines one more than that. What was spent the one way may be spent the other way now, but not
 * when six blocks held it: that is what nodes take for certain.
 */
export const reorg = async (world: World, depth: number, rivals: boolean): Promise<void> => {
  await attendAll(world);
  const deepest = world.ledger.tip.height - world.first;
  const taken = Math.min(depth, deepest);
  if (taken <= 0) return;
  await world.drop(taken);
  for (let i = 0; i <= taken; i++) await world.mine({ rivals: rivals && taken < 6 && i === 0 });
};
