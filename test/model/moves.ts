/** What may happen in a run, as plain values that fast-check draws and shrinks, and how each is done. */
import fc from 'fast-check';
import { type BaseWish, channelOf } from './base.ts';
import { attendAll, block, reorg } from './blocks.ts';
import { type PayMove, pay } from './paying.ts';
import type { World } from './world.ts';

export type Move =
  | PayMove
  /** Each number picks one of the writes and deliveries that could be next, and how much of it. */
  | { readonly do: 'run'; readonly picks: readonly number[] }
  /** Everything that could be next, until nothing is. */
  | { readonly do: 'settle' }
  /** `back`: it is mended at once. */
  | { readonly do: 'cut'; readonly link: number; readonly back: boolean }
  | { readonly do: 'join'; readonly link: number }
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
  | { readonly do: 'reorg'; readonly depth: number; readonly rivals: boolean }
  /** Neighbours hear nothing of each other for so many blocks. */
  | { readonly do: 'silence'; readonly link: number; readonly blocks: number }
  /** The wayward node publishes what it had in a backup. */
  | { readonly do: 'rob'; readonly backup: number }
  /** A node gives up on its peer. */
  | { readonly do: 'force'; readonly link: number; readonly side: 0 | 1 }
  /** The chain's estimate moves, and with the next block nodes ask for it. */
  | { readonly do: 'fee'; readonly feerate: number }
  | { readonly do: 'close'; readonly link: number; readonly side: 0 | 1 };

const node = fc.nat(2);
const link = fc.nat(1);
const side = fc.constantFrom(0 as const, 1 as const);

const mostly = fc.integer({ min: 0, max: 3 }).map((n) => n > 0);

/** Dust, around the limits, anything, all there is and more. */
const amount = fc.oneof(
  { weight: 2, arbitrary: fc.record({ msat: fc.bigInt(2n, 400_000n) }) },
  { weight: 2, arbitrary: fc.record({ msat: fc.bigInt(400_000n, 3_000_000n) }) },
  { weight: 5, arbitrary: fc.record({ msat: fc.bigInt(10_000_000n, 150_000_000n) }) },
  { weight: 1, arbitrary: fc.record({ percent: fc.integer({ min: 50, max: 101 }) }) },
);

const payment: fc.Arbitrary<PayMove> = fc.record({
  do: fc.constant('pay' as const),
  from: node,
  to: side,
  amount,
  scheme: fc.constantFrom('single', 'mpp', 'fixed', 'dynamic'),
  shards: fc.integer({ min: 1, max: 4 }),
  twist: fc.oneof(
    { weight: 8, arbitrary: fc.constant('none' as const) },
    { weight: 3, arbitrary: fc.constantFrom('bare', 'short', 'unknown', 'withheld', 'again') },
  ),
});

const end = fc.constantFrom(0 as const, 1 as const);
/** What a run begins from, and whom it must not trust. */
export interface RunWish extends BaseWish {
  readonly wayward: number | undefined;
}

const beginning = (wayward: fc.Arbitrary<number | undefined>): fc.Arbitrary<RunWish> =>
  fc.record({ funders: fc.tuple(end, end), anchors: fc.boolean(), wayward });
export const amongHonest = beginning(fc.constant(undefined));
export const amongOthers = beginning(
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: node }),
);

const cut = fc.record({ do: fc.constant('cut' as const), link, back: mostly });
const join = fc.record({ do: fc.constant('join' as const), link });
const kill = fc.record({
  do: fc.constant('kill' as const),
  node,
  lose: fc.boolean(),
  torn: fc.nat(3),
  back: mostly,
});
const start = fc.record({ do: fc.constant('start' as const), node });
const some = fc.record({ do: fc.constant('run' as const), picks: fc.array(fc.nat(0xffff), { maxLength: 16 }) });
const pass = fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 3, 20, 61) });
/** Sometimes from the floor to many times that, or back. */
const feerate = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 253, max: 450 }) },
  { weight: 3, arbitrary: fc.integer({ min: 450, max: 4500 }) },
);
const fee = fc.record({ do: fc.constant('fee' as const), feerate });
const close = fc.record({ do: fc.constant('close' as const), link, side });
const mine = (blocks: fc.Arbitrary<number>) =>
  fc.record({ do: fc.constant('mine' as const), blocks, empty: fc.boolean(), rivals: fc.boolean() });

/** What leads no channel to the chain but by agreement. */
const quiet: fc.Arbitrary<Move> = fc.oneof(
  { weight: 40, arbitrary: payment },
  { weight: 56, arbitrary: some },
  { weight: 16, arbitrary: fc.constant<Move>({ do: 'settle' }) },
  { weight: 8, arbitrary: cut },
  { weight: 8, arbitrary: join },
  { weight: 12, arbitrary: kill },
  { weight: 8, arbitrary: start },
  { weight: 8, arbitrary: pass },
  { weight: 4, arbitrary: mine(fc.constant(1)) },
  { weight: 4, arbitrary: fee },
  { weight: 1, arbitrary: close },
);

/** What happens around channels that go to the chain. */
const rough: fc.Arbitrary<Move> = fc.oneof(
  { weight: 5, arbitrary: payment },
  { weight: 8, arbitrary: some },
  { weight: 2, arbitrary: kill },
  { weight: 2, arbitrary: join },
  { weight: 1, arbitrary: cut },
  { weight: 1, arbitrary: start },
  { weight: 1, arbitrary: fee },
  { weight: 1, arbitrary: close },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('force' as const), link, side }) },
  { weight: 5, arbitrary: mine(fc.integer({ min: 1, max: 8 })) },
  { weight: 1, arbitrary: mine(fc.integer({ min: 9, max: 50 })) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rob' as const), backup: fc.nat(15) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('silence' as const), link, blocks: fc.integer({ min: 20, max: 90 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: 6 }),
      rivals: fc.boolean(),
    }),
  },
);

/** A run in which no channel goes to the chain but by agreement. */
export const calm: fc.Arbitrary<readonly Move[]> = fc.array(quiet, { minLength: 3, maxLength: 40, size: 'max' });

/** A run that begins calm and sends payments into a storm. */
export const storm: fc.Arbitrary<readonly Move[]> = fc
  .tuple(
    fc.array(quiet, { maxLength: 12, size: 'max' }),
    fc.array(fc.oneof(payment, some), { maxLength: 8, size: 'max' }),
    fc.array(rough, { minLength: 1, maxLength: 12, size: 'max' }),
  )
  .map((parts) => parts.flat());

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

export const play = async (world: World, move: Move): Promise<void> => {
  world.trace(`-- ${JSON.stringify(move, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`);
  switch (move.do) {
    case 'pay':
      return pay(world, move);
    case 'run':
      return run(world, move.picks);
    case 'settle':
      return world.settle();
    case 'cut':
      await world.cut(move.link);
      return move.back ? world.join(move.link) : undefined;
    case 'join':
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
    case 'rob':
      return world.rob(move.backup);
    case 'silence':
      await world.cut(move.link);
      for (let i = 0; i < move.blocks; i++) await block(world);
      return world.join(move.link);
    case 'reorg':
      return reorg(world, move.depth, move.rivals);
    case 'force':
      world.node(move.link + move.side)?.channels.push(channelOf(move.link), { type: 'force_close' });
      return world.drain();
    case 'fee':
      world.price(move.feerate);
      await block(world);
      // Nobody dies just when it has asked: it would know nothing of that when it comes back to ten times as much.
      return attendAll(world);
    case 'close':
      world.node(move.link + move.side)?.channels.push(channelOf(move.link), { type: 'close' });
      return world.drain();
  }
};
