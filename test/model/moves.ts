/** What may happen in a run, as plain values that fast-check draws and shrinks, and how each is done. */
import fc from 'fast-check';
import { type BaseWish, channelOf } from './base.ts';
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
  | { readonly do: 'kill'; readonly node: number; readonly lose: boolean; readonly back: boolean }
  /** A node comes up, and whoever can be reached is. */
  | { readonly do: 'start'; readonly node: number }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'mine'; readonly blocks: number }
  /** The chain's estimate moves, and with the next block nodes ask for it. */
  | { readonly do: 'fee'; readonly feerate: number }
  | { readonly do: 'close'; readonly link: number; readonly side: 0 | 1 };

const node = fc.nat(2);
const link = fc.nat(1);
const side = fc.constantFrom(0 as const, 1 as const);

const mostly = fc.integer({ min: 0, max: 3 }).map((n) => n > 0);

/** Dust, around the limits, anything, all there is and more. */
const amount = fc.oneof(
  fc.record({ msat: fc.bigInt(2n, 400_000n) }),
  fc.record({ msat: fc.bigInt(400_000n, 3_000_000n) }),
  fc.record({ msat: fc.bigInt(3_000_000n, 400_000_000n) }),
  fc.record({ percent: fc.integer({ min: 50, max: 101 }) }),
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
/** What runs begin from. */
export const begin: fc.Arbitrary<BaseWish> = fc.record({ funders: fc.tuple(end, end), anchors: fc.boolean() });

/** Without anything that leads to the chain. */
export const offchain: fc.Arbitrary<Move> = fc.oneof(
  { weight: 10, arbitrary: payment },
  {
    weight: 14,
    arbitrary: fc.record({ do: fc.constant('run' as const), picks: fc.array(fc.nat(0xffff), { maxLength: 16 }) }),
  },
  { weight: 4, arbitrary: fc.constant<Move>({ do: 'settle' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), link, back: mostly }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), link }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), node, lose: fc.boolean(), back: mostly }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('start' as const), node }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 3, 20, 61) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mine' as const), blocks: fc.constant(1) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fee' as const), feerate: fc.integer({ min: 253, max: 6000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), link, side }) },
);

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
      await world.kill(move.node, move.lose);
      return move.back ? bringUp(world, move.node) : undefined;
    case 'start':
      return bringUp(world, move.node);
    case 'pass':
      return world.pass(move.seconds * 1000);
    case 'mine':
      for (let i = 0; i < move.blocks; i++) await world.mine();
      return;
    case 'fee':
      world.feerate = move.feerate;
      return world.mine();
    case 'close':
      world.node(move.link + move.side)?.channels.push(channelOf(move.link), { type: 'close' });
      return world.drain();
  }
};
