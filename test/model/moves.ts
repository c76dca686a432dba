/** What may happen in a run, as plain values, and how each is done. */
import { hasNothingInFlight } from '../../channel/model/updates.ts';
import { isClosing } from './balances.ts';
import { attendAll, block, type ReorgOptions, reorg } from './blocks.ts';
import { type ClosingFeeMove, negotiateClosingFee } from './closingfees.ts';
import { fund } from './faucet.ts';
import { type OpenMove, openChannel } from './openings.ts';
import { type PayMove, pay } from './paying.ts';
import { channelOf, type SetupOptions } from './setup.ts';
import { respondAgain, type StopRespondingMove, stopResponding } from './unresponsive.ts';
import type { World } from './world.ts';

export type Move =
  | PayMove
  /** Each number picks one of the writes and deliveries that could be next, and how much of it. */
  | { readonly do: 'schedule'; readonly picks: readonly number[] }
  /** Only one link delivers, no more than so many chunks, and where `withoutPreimages` no preimage; all disks write. */
  | { readonly do: 'deliverOnLink'; readonly link: number; readonly steps: number; readonly withoutPreimages: boolean }
  /** Everything that could be next, until nothing is. */
  | { readonly do: 'settle' }
  /** `back`: it is mended at once. */
  | { readonly do: 'disconnect'; readonly link: number; readonly back: boolean }
  | { readonly do: 'connect'; readonly link: number }
  /** Power fails; what was on the wire is lost or gets out. */
  | {
      readonly do: 'kill';
      readonly node: number;
      readonly lose: boolean;
      /** Of its commits that were not durable so many just made it. */
      readonly torn: number;
      readonly back: boolean;
    }
  /** A node comes up, and whoever can be reached is. */
  | { readonly do: 'start'; readonly node: number }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'mine'; readonly blocks: number; readonly empty: boolean; readonly rivals: boolean }
  | ({ readonly do: 'reorg' } & ReorgOptions)
  /** Neighbours hear nothing of each other for so many blocks. */
  | { readonly do: 'partition'; readonly link: number; readonly blocks: number }
  /** The faulty node is away until a channel of its was closed so many blocks ago. */
  | { readonly do: 'offline'; readonly after: number }
  /** The faulty node publishes what it had in a backup. */
  | { readonly do: 'publishRevoked'; readonly backup: number }
  /** A node gives up on its peer. */
  | { readonly do: 'forceClose'; readonly link: number; readonly side: 0 | 1 }
  /** The chain's estimate moves, and with the next block nodes ask for it. */
  | { readonly do: 'setFeerate'; readonly feerate: number }
  | { readonly do: 'close'; readonly link: number; readonly side: 0 | 1 }
  | StopRespondingMove
  | ClosingFeeMove
  /** The chain becomes dearer, and stays so for days: see World. */
  | { readonly do: 'raiseFeerate'; readonly feerate: number; readonly relayed: boolean }
  /** Miners and everybody else refuse transactions that close a channel by agreement. */
  | { readonly do: 'refuseClosings' }
  | OpenMove
  /** A node's chain does not answer any more; after a few blocks it does again. */
  | { readonly do: 'chainUnreachable'; readonly node: number }
  /** Before each of so many blocks somebody makes the mempool forget what takes HTLCs. */
  | { readonly do: 'evictHtlcClaims'; readonly blocks: number }
  /** Somebody sends a coin to a node. */
  | { readonly do: 'fund'; readonly node: number }
  | { readonly do: 'respondAgain' };

/** What a run begins from, and whom it must not trust. */
export interface RunOptions extends SetupOptions {
  readonly faulty: number | undefined;
}

const run = async (world: World, picks: readonly number[]): Promise<void> => {
  for (const pick of picks) {
    const writes = world.sites
      .filter(({ disk }) => disk.pending > 0)
      .map(
        ({ place }) =>
          (count: number) =>
            world.flush(place, count),
      );
    const deliveries = [...world.wires.links.keys()].flatMap((at) =>
      ([0, 1] as const)
        .filter((from) => world.wires.waiting(at, from).length > 0)
        .map((from) => (count: number) => world.deliver(at, from, count)),
    );
    const next = [...writes, ...deliveries];
    const much = pick >> 8;
    // Mostly all of it, so that a run gets somewhere.
    await next[(pick & 0xff) % next.length]?.(much < 160 ? 1000 : 1 + (much % 4));
  }
};

/** Starts a node, writing what that takes, and connects it. */
const bringUp = async (world: World, place: number): Promise<void> => {
  await world.start(place);
  while (world.node(place) === undefined && world.site(place).disk.pending > 0) await world.flush(place, 1);
  for (const link of [place - 1, place]) await world.join(link);
};

/** Blocks after which an HTLC whose node is offline has led to a force close. */
const LONGEST_SLEEP = 60;

/** Whether an honest node waits for a neighbour that is away: with HTLCs, or for what it published to be mined. */
const isAwaited = (world: World, place: number): boolean =>
  [place - 1, place].some((link) => {
    const other = 2 * link + 1 - place;
    const state = world.sites[other]?.node?.channels.entries.get(channelOf(link))?.machine.state;
    return state?.phase === 'failed' || (state?.phase === 'open' && !hasNothingInFlight(state.core));
  });

const goOffline = async (world: World, after: number): Promise<void> => {
  const { faulty } = world;
  if (faulty === undefined || world.isThief(faulty)) return;
  await world.kill(faulty, true);
  for (let i = 0; i < LONGEST_SLEEP && isAwaited(world, faulty); i++) await block(world);
  for (let i = 0; i < after; i++) await block(world);
  await bringUp(world, faulty);
};

/** What may lead a channel between honest nodes to the chain. */
const rough: ReadonlySet<Move['do']> = new Set(['forceClose', 'partition', 'offline', 'publishRevoked', 'reorg']);

export const perform = async (world: World, move: Move): Promise<void> => {
  world.mayForceClose ||= rough.has(move.do);
  world.trace(`-- ${JSON.stringify(move, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`);
  switch (move.do) {
    case 'pay':
      return pay(world, move);
    case 'schedule':
      return run(world, move.picks);
    case 'deliverOnLink':
      return world.alone(move.link, move.steps, move.withoutPreimages);
    case 'settle':
      return world.settle();
    case 'disconnect':
      await world.cut(move.link);
      return move.back ? world.join(move.link) : undefined;
    case 'connect':
      return world.join(move.link);
    case 'kill':
      await world.kill(move.node, move.lose, move.torn);
      return move.back ? bringUp(world, move.node) : undefined;
    case 'start':
      return bringUp(world, move.node);
    case 'pass':
      return world.pass(move.seconds * 1000);
    case 'mine':
      for (let i = 0; i < move.blocks; i++) await block(world, move);
      return;
    case 'offline':
      return goOffline(world, move.after);
    case 'publishRevoked':
      return world.publishRevoked(move.backup);
    case 'partition':
      await world.cut(move.link);
      for (let i = 0; i < move.blocks; i++) await block(world);
      return world.join(move.link);
    case 'reorg':
      return reorg(world, move);
    case 'forceClose':
      world.node(move.link + move.side)?.channels.push(channelOf(move.link), { type: 'force_close' });
      return world.drain();
    case 'setFeerate':
      world.price(move.feerate);
      await block(world);
      // Nobody dies just when it has asked: it would know nothing of that when it comes back to ten times as much.
      return attendAll(world);
    case 'close':
      world.node(move.link + move.side)?.channels.push(channelOf(move.link), { type: 'close' });
      return world.drain();
    case 'stopResponding':
      return stopResponding(world, move);
    case 'negotiateClosingFee':
      return negotiateClosingFee(world, move);
    case 'raiseFeerate':
      world.raise(move.feerate, move.relayed);
      return attendAll(world);
    case 'fund':
      return fund(world, move.node);
    case 'open':
      return openChannel(world, move);
    case 'chainUnreachable':
      if (world.isHonest(move.node)) world.withoutChain.add(move.node);
      return;
    case 'evictHtlcClaims':
      world.cycles = move.blocks;
      return;
    case 'refuseClosings':
      world.ledger.refuses = isClosing;
      world.ledger.forget(isClosing);
      return;
    case 'respondAgain':
      return respondAgain(world);
  }
};
