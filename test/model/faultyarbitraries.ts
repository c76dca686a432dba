/** fast-check arbitraries for runs with a faulty node: one that stops responding in some phase of a channel, asks for odd closing fees, or has no coins. */
import fc from 'fast-check';
import {
  alone,
  fee,
  many,
  mine,
  mostly,
  one,
  optionsFor,
  pass,
  payment,
  paymentTo,
  type Run,
  side,
  some,
  talk,
} from './arbitraries.ts';
import type { Move } from './moves.ts';
import { awaited, type StopRespondingMove } from './unresponsive.ts';

/** The faulty node and one of its links. */
const faultyNode = fc.constantFrom(
  { node: 0, link: 0, side: 0 as const },
  { node: 1, link: 0, side: 1 as const },
  { node: 1, link: 1, side: 0 as const },
  { node: 2, link: 1, side: 1 as const },
  // Who stands behind one that others forward by.
  { node: 2, link: 1, side: 1 as const },
);
type FaultyNode = { readonly node: number; readonly link: number; readonly side: 0 | 1 };

const stopRespondingAt = (
  { link, side: at }: FaultyNode,
  names: readonly StopRespondingMove['at'][],
): fc.Arbitrary<Move> =>
  fc.record({
    do: fc.constant('stopResponding' as const),
    link: fc.constant(link),
    side: fc.constant(at),
    at: fc.constantFrom(...names),
  });

const settle: Move = { do: 'settle' };
const respondAgain: Move = { do: 'respondAgain' };
const hours = mine(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 9, max: 60 })));

/** Moves of the other nodes meanwhile: none of them leads to a force close by itself. */
const around = ({ link }: FaultyNode): fc.Arbitrary<Move> =>
  fc.oneof(
    { weight: 6, arbitrary: payment },
    { weight: 6, arbitrary: some },
    { weight: 2, arbitrary: fc.constant(settle) },
    { weight: 2, arbitrary: fee },
    { weight: 1, arbitrary: pass },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('disconnect' as const), link: fc.nat(1), back: mostly }) },
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
    { weight: 1, arbitrary: fc.record({ do: fc.constant('chainUnreachable' as const), node: fc.nat(2) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('evictHtlcClaims' as const), blocks: fc.integer({ min: 1, max: 60 }) }),
    },
  );

const funded: fc.Arbitrary<Move> = fc.record({ do: fc.constant('fund' as const), node: fc.nat(2) });

/** Pays, learns the preimage, and falls silent until the HTLC has expired. */
const withholdingRevocation = (who: FaultyNode): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(payment, mine(fc.integer({ min: 20, max: 45 })), fc.boolean())
    .map(([payment, blocks, wakes]) => [
      { ...payment, from: who.node, to: who.side === 0 ? 0 : 1, twist: 'none' },
      talk(who.link, true),
      { do: 'stopResponding', link: who.link, side: who.side, at: 'commitment_signed' },
      settle,
      blocks,
      ...(wakes ? [respondAgain] : []),
    ]);

/** Stops responding while it owes a commitment_signed or revoke_and_ack for updates of its peer, which then has more updates. */
const owing = (who: FaultyNode): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(stopRespondingAt(who, [...awaited.normal, 'anything']), fee, paymentTo(who.node), payment, alone, hours)
    .map(([stopResponding, dearer, payment, another, talking, blocks]) => [
      stopResponding,
      dearer,
      settle,
      payment,
      settle,
      another,
      { ...talking, link: who.link },
      settle,
      blocks,
    ]);

/** Stops responding during a mutual close that either side began, with a payment in flight or without. */
const closing = (who: FaultyNode): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(
      fc.option(paymentTo(who.node), { nil: undefined }),
      stopRespondingAt(who, [...awaited.closing, 'revoke_and_ack']),
      side,
      fc.boolean(),
      hours,
    )
    .map(([payment, stopResponding, by, again, blocks]) => [
      ...(payment === undefined ? [] : [payment, talk(1 - who.link, true)]),
      stopResponding,
      { do: 'close', link: who.link, side: by },
      settle,
      ...(again ? [{ do: 'disconnect', link: who.link, back: true } as const] : []),
      settle,
      blocks,
    ]);

/** Comes back from a lost connection and does not say where it stands. */
const withoutReestablish = (who: FaultyNode): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(paymentTo(who.node), alone, stopRespondingAt(who, awaited.again), fc.boolean(), payment, hours)
    .map(([payment, talking, stopResponding, closes, another, blocks]) => [
      payment,
      talk(1 - who.link, true),
      { ...talking, link: who.link },
      stopResponding,
      { do: 'disconnect', link: who.link, back: true },
      ...(closes ? [{ do: 'close', link: who.link, side: 0 } as const] : []),
      another,
      blocks,
    ]);

const end = fc.constantFrom(0 as const, 1 as const);
const close = fc.record({ do: fc.constant('close' as const), link: fc.nat(1), side: end });

/** The faulty node has a say in what a closing costs. */
const dishonestFees = ({ link, side: at }: FaultyNode): fc.Arbitrary<Move> =>
  fc.record({
    do: fc.constant('negotiateClosingFee' as const),
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
      do: fc.constant('raiseFeerate' as const),
      feerate: fc.integer({ min: 1000, max: 5000 }),
      relayed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Move>({ do: 'refuseClosings' }) },
);

/** What happens before a close and after it. */
const about: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: payment },
  { weight: 6, arbitrary: some },
  { weight: 2, arbitrary: fee },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('disconnect' as const), link: fc.nat(1), back: mostly }) },
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

/** A node with an empty wallet is paid, forwards, or closes, with a faulty peer or without; coins may come later. */
export const emptyWalletRuns: fc.Arbitrary<Run> = fc
  .tuple(faultyNode, fc.nat(2), fc.boolean())
  .chain(([who, emptyWallet, trusted]) =>
    fc.tuple(
      optionsFor(trusted ? undefined : who.node).map((options) => ({ ...options, anchors: true, emptyWallet })),
      fc
        .tuple(
          many(one(fc.oneof(payment, some)), 0, 6),
          trusted ? fc.constant([]) : fc.oneof(withholdingRevocation(who), owing(who), closing(who)),
          many(one(fc.oneof({ weight: 8, arbitrary: around(who) }, { weight: 1, arbitrary: funded })), 0, 6),
          fc.option(fc.record({ do: fc.constant('forceClose' as const), link: fc.nat(1), side }), { nil: settle }),
          many(one(fc.oneof({ weight: 4, arbitrary: around(who) }, { weight: 1, arbitrary: funded })), 0, 4),
        )
        .map(([before, story, during, end, after]) => [...before, ...story, ...during, end, ...after]),
    ),
  );

/** A run in which a channel is closed by agreement, dearly, cheaply, or not at all. */
export const mutualCloseRuns: fc.Arbitrary<Run> = fc.option(faultyNode, { nil: undefined, freq: 2 }).chain((who) =>
  fc.tuple(
    optionsFor(who?.node),
    fc
      .tuple(
        many(one(fc.oneof(payment, some)), 0, 6),
        who === undefined ? fc.constant(settle) : dishonestFees(who),
        many(one(fc.oneof(market, fee)), 0, 1),
        close,
        many(one(fc.oneof(some, fc.constant(settle))), 0, 3),
        many(one(market), 0, 1),
        many(one(about), 0, 8),
        fc.constantFrom(settle, respondAgain),
        many(one(about), 0, 3),
      )
      .map(([before, negotiateClosingFee, first, close, talking, then, after, end, later]) => [
        ...before,
        negotiateClosingFee,
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

/** The faulty node opens or accepts a channel and stops responding before it is open. */
const opening = (who: FaultyNode): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(
      stopRespondingAt(who, awaited.opening),
      side,
      fc.integer({ min: 30_000, max: 300_000 }),
      mine(fc.integer({ min: 1, max: 12 })),
      payment,
      fc.boolean(),
    )
    .map(([stopResponding, by, amount, blocks, payment, wakes]) => [
      stopResponding,
      { do: 'open', link: who.link, side: by, amount },
      settle,
      blocks,
      ...(wakes ? [respondAgain, settle, blocks] : []),
      payment,
    ]);

/** A run in which a peer stops responding, for good or until later. */
export const unresponsivePeerRuns: fc.Arbitrary<Run> = faultyNode.chain((who) =>
  fc.tuple(
    optionsFor(who.node),
    fc
      .tuple(
        many(one(fc.oneof(payment, some)), 0, 8),
        fc.oneof(owing(who), closing(who), withoutReestablish(who), opening(who)),
        many(one(around(who)), 0, 8),
        fc.option(fc.constant(respondAgain), { nil: settle }),
        many(one(around(who)), 0, 5),
      )
      .map(([before, story, during, end, after]) => [...before, ...story, ...during, end, ...after]),
  ),
);
