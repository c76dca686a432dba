/**
 * Blocks, as a node may rely on them. Its money is safe only if it looks at the chain often enough and its transactions get
 * into it soon enough (BOLT 2, "cltv_expiry_delta Selection"), so before each block whoever runs keeps up with the last one,
 * no honest node is offline for long, and no miner leaves out everything for long.
 */

import { takesHtlc } from './balances.ts';
import type { MineOptions } from './ledger.ts';
import type { World } from './world.ts';

/** Blocks in a row that a dead node may miss, and that may be empty. */
const MOST_SLEPT = 2;
const MOST_EMPTY = 2;
/** Blocks that are never undone with another outcome. */
const CERTAIN = 6;
/** Blocks between two reorgs that leave what they undid unmined. */
const RESPITE = 20;
/** Milliseconds, in which everybody looks at the mempool. */
const GLANCE = 6_000;
/** Minutes between blocks, about. */
const MINUTES = 10;
/** Turns in which a node does all that needs no time. */
const DRAINS = 20;
/** Milliseconds, in which a chain that was away is asked again. */
const RETRY = 10_000;
/** Milliseconds, in which nobody has waited for a peer long enough. */
const MINUTE = 61_000;

/** Lets a node do all that it does by itself about the chain as it is; its peers may hear nothing of it. */
const attend = async (world: World, place: number): Promise<void> => {
  const { disk } = world.site(place);
  for (let turns = 0; ; turns++) {
    const node = world.node(place);
    if (world.withoutChain.has(place) && disk.pending === 0) return;
    if (disk.pending === 0 && node !== undefined && node.follower.top.hash === world.ledger.tip.hash) return;
    if (turns > 1000) throw new Error(`${world.site(place).name} does not keep up with the chain`);
    // Who was told that nobody answers asks again after a while.
    if (disk.pending === 0 && turns > DRAINS) await world.pass(RETRY);
    await world.flush(place, disk.pending);
  }
};

/** Everybody who runs has read the chain as it is. */
export const attendAll = async (world: World): Promise<void> => {
  for (const { place, isDown } of world.sites) if (!isDown) await attend(world, place);
};

/** Blocks after which a node reconnects to a peer that does not respond. */
const PAUSE = 8;

/** Neighbours are connected, unless one hung up on the other for its silence a while ago. */
export const connectAll = async (world: World): Promise<void> => {
  for (const link of world.wires.links.keys())
    if (world.ledger.tip.height % PAUSE === 0 || ![link, link + 1].some((place) => world.isUnresponsive(place)))
      await world.join(link);
};

/** Nodes that run talk to those they can reach, and wait for the others only so long. */
const talkOn = async (world: World): Promise<void> => {
  for (const { place } of world.sites) if (world.isHonest(place)) await world.start(place);
  await world.settle();
  await connectAll(world);
  await world.settle();
  await world.pass(MINUTE);
  await world.settle();
};

/** Somebody makes the mempool forget what takes HTLCs, more quickly than anybody looks; then there are minutes left to the block. */
const cycle = async (world: World): Promise<void> => {
  world.cycles--;
  world.ledger.forget(takesHtlc);
  for (let i = 0; i < MINUTES; i++) {
    await world.pass(MINUTE);
    await attendAll(world);
  }
};

/** One more block. */
export const block = async (world: World, options: MineOptions = {}): Promise<void> => {
  const { strain } = world;
  for (const { place, isDown } of world.sites) {
    const slept = isDown || world.withoutChain.has(place) ? (strain.slept[place] ?? 0) + 1 : 0;
    strain.slept[place] = slept;
    if (slept <= MOST_SLEPT || !world.isHonest(place)) continue;
    world.withoutChain.delete(place);
    await world.start(place);
  }
  if (world.unresponsiveLinks.size > 0) await talkOn(world);
  await attendAll(world);
  if (world.cycles > 0) await cycle(world);
  await world.pass(GLANCE);
  await attendAll(world);
  const empty = options.empty === true && strain.empty < MOST_EMPTY;
  strain.empty = empty ? strain.empty + 1 : 0;
  await world.mine({ ...options, empty });
};

export interface ReorgOptions {
  /** Blocks to take off, unless `aimed`: then as many as it takes to undo the last transaction that was mined. */
  readonly depth: number;
  readonly aimed: boolean;
  /** What was spent the one way is spent the other way now. */
  readonly rivals: boolean;
  /** What becomes of the transactions: the new branch has them, or they wait again, or are lost with their blocks. */
  readonly left: 'mined' | 'waiting' | 'lost';
}

/** Blocks since the last one that holds anything, its own among them. */
const sinceLast = ({ ledger, first }: World): number => {
  let height = ledger.tip.height;
  while (height > first && (ledger.at(height)?.transactions.length ?? 0) <= 1) height--;
  return ledger.tip.height - height + 1;
};

/**
 * Takes the last blocks off and mines one more than that. What was spent the one way may be spent the other way now, but not
 * when six blocks held it: that is what nodes take for certain. Nor does one such loss of time follow soon on another.
 */
export const reorg = async (world: World, { depth, aimed, rivals, left }: ReorgOptions): Promise<void> => {
  await attendAll(world);
  const { ledger, strain } = world;
  const wanted = aimed ? Math.min(sinceLast(world), CERTAIN - 1) : depth;
  const taken = Math.min(wanted, ledger.tip.height - world.first);
  if (taken <= 0) return;
  const open = taken < CERTAIN;
  const bare = open && left !== 'mined' && ledger.tip.height >= strain.undone + RESPITE;
  if (bare) Object.assign(strain, { undone: ledger.tip.height, empty: MOST_EMPTY });
  await world.drop(taken, bare && left === 'lost');
  for (let i = 0; i <= taken; i++) await world.mine({ empty: bare, rivals: rivals && open && i === 0 });
};
