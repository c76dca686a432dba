/** fast-check arbitraries for runs between honest nodes and for force closes: single moves, and sequences that chance seldom finds. */

import fc from 'fast-check';
import { DEPLOYED } from '../../amp/deployed.ts';
import { schemeNames } from '../../amp/schemes.ts';
import { strategyNames } from '../../amp/strategies.ts';
import type { Move, RunOptions } from './moves.ts';
import type { PayMove } from './paying.ts';
import { awaited } from './unresponsive.ts';

const node = fc.nat(2);
const link = fc.nat(1);
export const side = fc.constantFrom(0 as const, 1 as const);

export const mostly = fc.integer({ min: 0, max: 3 }).map((n) => n > 0);

/** Dust, around the limits, anything, all there is and more. */
const amount = fc.oneof(
  { weight: 2, arbitrary: fc.record({ msat: fc.bigInt(2n, 400_000n) }) },
  { weight: 2, arbitrary: fc.record({ msat: fc.bigInt(400_000n, 3_000_000n) }) },
  { weight: 5, arbitrary: fc.record({ msat: fc.bigInt(10_000_000n, 150_000_000n) }) },
  { weight: 1, arbitrary: fc.record({ percent: fc.integer({ min: 50, max: 101 }) }) },
);

const scheme = fc.constantFrom('single' as const, 'mpp' as const, DEPLOYED, ...schemeNames);
const strategy = fc.constantFrom(undefined, ...strategyNames);

export const payment: fc.Arbitrary<PayMove> = fc.record({
  do: fc.constant('pay' as const),
  from: node,
  to: side,
  amount,
  scheme,
  strategy,
  shards: fc.integer({ min: 1, max: 4 }),
  twist: fc.oneof(
    { weight: 8, arbitrary: fc.constant('none' as const) },
    { weight: 3, arbitrary: fc.constantFrom('bare', 'short', 'unknown', 'withheld', 'again') },
  ),
});

const cut = fc.record({ do: fc.constant('disconnect' as const), link, back: mostly });
const join = fc.record({ do: fc.constant('connect' as const), link });
const kill = fc.record({
  do: fc.constant('kill' as const),
  node,
  lose: fc.boolean(),
  torn: fc.nat(3),
  back: mostly,
});
const start = fc.record({ do: fc.constant('start' as const), node });
export const some = fc.record({
  do: fc.constant('schedule' as const),
  picks: fc.array(fc.nat(0xffff), { maxLength: 16 }),
});
export const pass = fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 3, 20, 61) });
/** Sometimes from the floor to many times that, or back. */
const feerate = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 253, max: 450 }) },
  { weight: 3, arbitrary: fc.integer({ min: 450, max: 4500 }) },
);
export const fee = fc.record({ do: fc.constant('setFeerate' as const), feerate });
const close = fc.record({ do: fc.constant('close' as const), link, side });
export const mine = (blocks: fc.Arbitrary<number>) =>
  fc.record({ do: fc.constant('mine' as const), blocks, empty: fc.boolean(), rivals: fc.boolean() });

const reorg = fc.record({
  do: fc.constant('reorg' as const),
  depth: fc.integer({ min: 1, max: 6 }),
  rivals: fc.boolean(),
  aimed: mostly,
  left: fc.constantFrom('mined', 'waiting', 'lost'),
});

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

const stoppedMessage = fc.constantFrom(...awaited.normal, ...awaited.closing, ...awaited.again, 'anything' as const);

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
  { weight: 2, arbitrary: fc.record({ do: fc.constant('forceClose' as const), link, side }) },
  { weight: 5, arbitrary: mine(fc.integer({ min: 1, max: 8 })) },
  { weight: 1, arbitrary: mine(fc.integer({ min: 9, max: 50 })) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('publishRevoked' as const), backup: fc.nat(15) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('partition' as const), link, blocks: fc.integer({ min: 20, max: 90 }) }),
  },
  { weight: 2, arbitrary: reorg },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stopResponding' as const), link, side, at: stoppedMessage }) },
  { weight: 1, arbitrary: fc.constant<Move>({ do: 'respondAgain' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('chainUnreachable' as const), node }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('evictHtlcClaims' as const), blocks: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('raiseFeerate' as const),
      feerate: fc.integer({ min: 1000, max: 4500 }),
      relayed: fc.boolean(),
    }),
  },
);

/** A payment that needs the node in the middle, or one to a node, of a size that chains know. */
export const paymentTo = (payee: number | undefined): fc.Arbitrary<PayMove> =>
  fc
    .record({
      do: fc.constant('pay' as const),
      from: payee === undefined ? fc.constantFrom(0, 2) : fc.constant(payee === 0 ? 2 : 0),
      to: fc.constant(0 as const),
      amount: fc.record({ msat: fc.bigInt(10_000_000n, 150_000_000n) }),
      scheme,
      strategy,
      shards: fc.integer({ min: 1, max: 3 }),
      twist: fc.constantFrom('none', 'none', 'none', 'withheld'),
    })
    .map((move) => ({ ...move, to: payee === 1 ? (move.from === 0 ? 0 : 1) : move.from === 0 ? 1 : 0 }));

/** The link next to the payer, and the one behind it. */
const linksOf = ({ from }: PayMove): readonly [near: number, far: number] => (from === 0 ? [0, 1] : [1, 0]);

/** Chunks: a handful for an HTLC to be there for good, twice that for it to be gone again. */
export const alone = fc.record({
  do: fc.constant('deliverOnLink' as const),
  link,
  steps: fc.integer({ min: 1, max: 13 }),
  withoutPreimages: fc.boolean(),
});

/** Everything that can be said on a link, perhaps but a preimage. */
export const talk = (at: number, withoutPreimages: boolean): Move => ({
  do: 'deliverOnLink',
  link: at,
  steps: 40,
  withoutPreimages,
});

/** A payment stops somewhere on the far link, while the near one is cut and cannot hear how it ends. */
const halfway: fc.Arbitrary<readonly [far: number, moves: readonly Move[]]> = fc
  .tuple(paymentTo(undefined), fc.nat(2), alone, fc.nat(3), alone)
  .map(([first, early, before, lately, after]) => {
    const [near, far] = linksOf(first);
    const moves: readonly Move[] = [
      first,
      talk(near, true),
      early > 0 ? talk(far, true) : { ...before, link: far },
      { do: 'disconnect', link: near, back: false },
      ...(lately === 0 ? [] : [lately > 1 ? talk(far, false) : { ...after, link: far }]),
    ];
    return [far, moves] as const;
  });

/** Who stands in the middle dies there. */
const forgetful: fc.Arbitrary<readonly Move[]> = fc
  .tuple(halfway, kill)
  .map(([[, moves], death]) => [...moves, { ...death, node: 1 }]);

/** Blocks in which a commitment is mined, with what is claimed at once, or after the delay. */
const aftermath = mine(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 14, max: 22 })));

/** The far channel goes to the chain there, who stands in the middle dies when it knows how, and some of it is undone. */
const divided: fc.Arbitrary<readonly Move[]> = fc
  .tuple(halfway, side, aftermath, kill, reorg)
  .map(([[far, moves], who, blocks, death, back]) => [
    ...moves,
    { do: 'disconnect', link: far, back: false },
    { do: 'forceClose', link: far, side: who },
    blocks,
    { ...death, node: 1 },
    back,
  ]);

/** A payee knows a preimage and says so when it is nearly too late, or too late but for a reorg. */
const late = (payee: number): fc.Arbitrary<readonly Move[]> =>
  fc.tuple(paymentTo(payee), fc.nat(4), reorg, mine(fc.constantFrom(1, 2, 7))).map(([first, after, back, blocks]) => {
    const [near, far] = linksOf(first);
    return [first, talk(near, true), talk(far, true), { do: 'offline', after }, back, blocks];
  });

/** A node publishes a revoked commitment that has HTLCs; a reorg may make its peer claim them twice. */
const theft = (thief: number): fc.Arbitrary<readonly Move[]> =>
  fc
    .tuple(
      fc.array(paymentTo(thief), { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(alone, some), { maxLength: 4 }),
      payment,
      fc.nat(15),
      aftermath,
      reorg,
    )
    .map(([payments, moves, another, backup, blocks, back]) => [
      ...payments,
      ...moves,
      { do: 'settle' },
      another,
      { do: 'settle' },
      { do: 'publishRevoked', backup },
      blocks,
      back,
    ]);

export const one = (move: fc.Arbitrary<Move>): fc.Arbitrary<readonly Move[]> => move.map((only) => [only]);
export const many = (
  moves: fc.Arbitrary<readonly Move[]>,
  minLength: number,
  maxLength: number,
): fc.Arbitrary<readonly Move[]> => fc.array(moves, { minLength, maxLength, size: 'max' }).map((parts) => parts.flat());

const end = fc.constantFrom(0 as const, 1 as const);
export const optionsFor = (faulty: number | undefined): fc.Arbitrary<RunOptions> =>
  fc.record({ funders: fc.tuple(end, end), anchors: fc.boolean(), faulty: fc.constant(faulty) });

/** Where a run begins, and what happens in it. */
export type Run = readonly [RunOptions, readonly Move[]];

/** A run in which no channel goes to the chain but by agreement. */
export const offchainRuns: fc.Arbitrary<Run> = fc.tuple(
  optionsFor(undefined),
  many(fc.oneof({ weight: 40, arbitrary: one(quiet) }, { weight: 1, arbitrary: forgetful }), 3, 40),
);

/** Sequences that lead to a force close, by which node is faulty. */
const forceCloseSequences = (faulty: number | undefined): fc.Arbitrary<readonly Move[]> => {
  if (faulty === undefined) return divided;
  return faulty === 1 ? theft(1) : fc.oneof(late(faulty), theft(faulty));
};

/** A run that begins without trouble and then has force closes, reorgs and a faulty node while payments are in flight. */
export const forceCloseRuns: fc.Arbitrary<Run> = fc
  .oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: node })
  .chain((faulty) =>
    fc.tuple(
      optionsFor(faulty),
      fc
        .tuple(
          many(one(quiet), 0, 12),
          fc.oneof(
            { weight: 1, arbitrary: many(one(fc.oneof(payment, some)), 0, 8) },
            { weight: 2, arbitrary: forceCloseSequences(faulty) },
          ),
          many(one(rough), 1, 12),
        )
        .map((parts) => parts.flat()),
    ),
  );
