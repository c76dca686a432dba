/** What fast-check draws troubles from: peers that sleep, in every phase of a channel. */
import fc from 'fast-check';
import {
  alone,
  fee,
  many,
  mine,
  mostly,
  one,
  pass,
  payment,
  paymentTo,
  type Run,
  side,
  some,
  talk,
  wishFor,
} from './draws.ts';
import type { Move } from './moves.ts';
import { awaited, type DozeMove } from './sleeping.ts';

/** The wayward node and one of its links. */
const sleeper = fc.constantFrom(
  { node: 0, link: 0, side: 0 as const },
  { node: 1, link: 0, side: 1 as const },
  { node: 1, link: 1, side: 0 as const },
  { node: 2, link: 1, side: 1 as const },
  // Who stands behind one that others forward by.
  { node: 2, link: 1, side: 1 as const },
);
type Sleeper = { readonly node: number; readonly link: number; readonly side: 0 | 1 };

const dozeAt = ({ link, side: at }: Sleeper, names: readonly DozeMove['at'][]): fc.Arbitrary<Move> =>
  fc.record({
    do: fc.constant('doze' as const),
    link: fc.constant(link),
    side: fc.constant(at),
    at: fc.constantFrom(...names),
  });

const settle: Move = { do: 'settle' };
const wake: Move = { do: 'wake' };
const hours = mine(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 9, max: 60 })));

/** What happens around who sleeps: nothing that leads a channel to the chain by itself. */
const around = ({ link }: Sleeper): fc.Arbitrary<Move> =>
  fc.oneof(
    { weight: 6, arbitrary: payment },
    { weight: 6, arbitrary: some },
    { weight: 2, arbitrary: fc.constant(settle) },
    { weight: 2, arbitrary: fee },
    { weight: 1, arbitrary: pass },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), link: fc.nat(1), back: mostly }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('kill' as const),
        node: fc.nat(2),
        lose: fc.boolean(),
        torn: fc.nat(3),
        back: fc.constant(true),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), link: fc.constant(link), side }) },
    { weight: 3, arbitrary: hours },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('apart' as const), node: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cycle' as const), blocks: fc.integer({ min: 1, max: 60 }) }) },
  );

const gift: fc.Arbitrary<Move> = fc.record({ do: fc.constant('give' as const), node: fc.nat(2) });

/** Pays, learns the preimage, and falls silent until the HTLC has expired. */
const robbing = (who: Sleeper): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(payment, mine(fc.integer({ min: 20, max: 45 })), fc.boolean())
    .map(([payment, blocks, wakes]) => [
      { ...payment, from: who.node, to: who.side === 0 ? 0 : 1, twist: 'none' },
      talk(who.link, true),
      { do: 'doze', link: who.link, side: who.side, at: 'commitment_signed' },
      settle,
      blocks,
      ...(wakes ? [wake] : []),
    ]);

/** Falls asleep while it owes something for updates of the other's, which then has more to say. */
const owing = (who: Sleeper): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(dozeAt(who, [...awaited.normal, 'anything']), fee, paymentTo(who.node), payment, alone, hours)
    .map(([doze, dearer, payment, another, talking, blocks]) => [
      doze,
      dearer,
      settle,
      payment,
      settle,
      another,
      { ...talking, link: who.link },
      settle,
      blocks,
    ]);

/** Falls asleep over a close that either side wants, with a payment in flight or without. */
const closing = (who: Sleeper): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(
      fc.option(paymentTo(who.node), { nil: undefined }),
      dozeAt(who, [...awaited.closing, 'revoke_and_ack']),
      side,
      fc.boolean(),
      hours,
    )
    .map(([payment, doze, by, again, blocks]) => [
      ...(payment === undefined ? [] : [payment, talk(1 - who.link, true)]),
      doze,
      { do: 'close', link: who.link, side: by },
      settle,
      ...(again ? [{ do: 'cut', link: who.link, back: true } as const] : []),
      settle,
      blocks,
    ]);

/** Comes back from a lost connection and does not say where it stands. */
const mute = (who: Sleeper): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(paymentTo(who.node), alone, dozeAt(who, awaited.again), fc.boolean(), payment, hours)
    .map(([payment, talking, doze, closes, another, blocks]) => [
      payment,
      talk(1 - who.link, true),
      { ...talking, link: who.link },
      doze,
      { do: 'cut', link: who.link, back: true },
      ...(closes ? [{ do: 'close', link: who.link, side: 0 } as const] : []),
      another,
      blocks,
    ]);

const end = fc.constantFrom(0 as const, 1 as const);
const close = fc.record({ do: fc.constant('close' as const), link: fc.nat(1), side: end });

/** The wayward node has a say in what a closing costs. */
const haggling = ({ link, side: at }: Sleeper): fc.Arbitrary<Move> =>
  fc.record({
    do: fc.constant('haggle' as const),
    link: fc.constant(link),
    side: fc.constant(at),
    manner: fc.constantFrom('greedy', 'stingy', 'cheap'),
    range: fc.constantFrom('none', 'wide', 'narrow'),
    rounds: fc.oneof(fc.nat(5), fc.constant(100)),
  });

/** What becomes of a closing once it is agreed, or before. */
const market: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('raise' as const),
      feerate: fc.integer({ min: 1000, max: 5000 }),
      relayed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Move>({ do: 'ban' }) },
);

/** What happens before a close and after it. */
const about: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: payment },
  { weight: 6, arbitrary: some },
  { weight: 2, arbitrary: fee },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), link: fc.nat(1), back: mostly }) },
  { weight: 2, arbitrary: mine(fc.integer({ min: 1, max: 8 })) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('kill' as const),
      node: fc.nat(2),
      lose: fc.boolean(),
      torn: fc.nat(3),
      back: fc.constant(true),
    }),
  },
);

/** Somebody without coins for claims is paid, forwards, or closes, while another sleeps or not; coins may come later. */
export const purse: fc.Arbitrary<Run> = fc.tuple(sleeper, fc.nat(2), fc.boolean()).chain(([who, poor, trusted]) =>
  fc.tuple(
    wishFor(trusted ? undefined : who.node).map((wish) => ({ ...wish, anchors: true, poor })),
    fc
      .tuple(
        many(one(fc.oneof(payment, some)), 0, 6),
        trusted ? fc.constant([]) : fc.oneof(robbing(who), owing(who), closing(who)),
        many(one(fc.oneof({ weight: 8, arbitrary: around(who) }, { weight: 1, arbitrary: gift })), 0, 6),
        fc.option(fc.record({ do: fc.constant('force' as const), link: fc.nat(1), side }), { nil: settle }),
        many(one(fc.oneof({ weight: 4, arbitrary: around(who) }, { weight: 1, arbitrary: gift })), 0, 4),
      )
      .map(([before, story, during, end, after]) => [...before, ...story, ...during, end, ...after]),
  ),
);

/** A run in which a channel is closed by agreement, dearly, cheaply, or not at all. */
export const closings: fc.Arbitrary<Run> = fc.option(sleeper, { nil: undefined, freq: 2 }).chain((who) =>
  fc.tuple(
    wishFor(who?.node),
    fc
      .tuple(
        many(one(fc.oneof(payment, some)), 0, 6),
        who === undefined ? fc.constant(settle) : haggling(who),
        many(one(fc.oneof(market, fee)), 0, 1),
        close,
        many(one(fc.oneof(some, fc.constant(settle))), 0, 3),
        many(one(market), 0, 1),
        many(one(about), 0, 8),
        fc.constantFrom(settle, wake),
        many(one(about), 0, 3),
      )
      .map(([before, haggle, first, close, talking, then, after, end, later]) => [
        ...before,
        haggle,
        ...first,
        who === undefined ? close : { ...close, link: who.link },
        ...talking,
        ...then,
        ...after,
        end,
        ...later,
      ]),
  ),
);

/** A channel is opened by or to who falls asleep over it. */
const opening = (who: Sleeper): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(
      dozeAt(who, awaited.opening),
      side,
      fc.integer({ min: 30_000, max: 300_000 }),
      mine(fc.integer({ min: 1, max: 12 })),
      payment,
      fc.boolean(),
    )
    .map(([doze, by, amount, blocks, payment, wakes]) => [
      doze,
      { do: 'open', link: who.link, side: by, amount },
      settle,
      blocks,
      ...(wakes ? [wake, settle, blocks] : []),
      payment,
    ]);

/** A run in which a peer sleeps, for ever or until later. */
export const sleep: fc.Arbitrary<Run> = sleeper.chain((who) =>
  fc.tuple(
    wishFor(who.node),
    fc
      .tuple(
        many(one(fc.oneof(payment, some)), 0, 8),
        fc.oneof(owing(who), closing(who), mute(who), opening(who)),
        many(one(around(who)), 0, 8),
        fc.option(fc.constant(wake), { nil: settle }),
        many(one(around(who)), 0, 5),
      )
      .map(([before, story, during, end, after]) => [...before, ...story, ...during, end, ...after]),
  ),
);
