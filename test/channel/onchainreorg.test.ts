/**
 * What a channel knows of the chain is what the chain is: after any reorg it is as if only the last branch had ever been, and
 * after a restart at any block it goes on as if nothing had happened.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signedLocalCommitment } from '../../channel/rules/commitmentupdates.ts';
import { propertyRuns } from '../support/runs.ts';
import { onStage } from './onstage.ts';
import { coreOf, eventsOf, offerOf, secretOf, settle } from './pair.ts';
import { advance, closingOf, fates, playDown, type Rules } from './play.ts';
import {
  both,
  claimsOf,
  feesOf,
  formatNames,
  gained,
  latecomer,
  mine,
  reboot,
  tell,
  tip,
  txOf,
  unwind,
  type Who,
  type World,
} from './world.ts';

const runs = propertyRuns(4);
const timeout = 120_000 + runs * 10_000;

const world = onStage();

interface Planned {
  readonly from: Who;
  readonly sat: number;
  /** Until it expires. */
  readonly blocks: number;
}
/** An HTLC that was offered: its id, and the number of its secret. */
interface Offered extends Planned {
  readonly id: bigint;
  readonly n: number;
}
const other = (who: Who): Who => (who === 'a' ? 'b' : 'a');

const offerAll = (so: World, htlcs: readonly Planned[]): readonly Offered[] => {
  const counts = { a: 0n, b: 0n };
  return htlcs.map((htlc, n) => {
    tell(so, htlc.from, { ...offerOf(BigInt(htlc.sat) * 1000n, n), expiry: tip(so) + htlc.blocks });
    settle(so.pair);
    return { ...htlc, n, id: counts[htlc.from]++ };
  });
};

/** The side that received an HTLC learns its preimage. */
const reveal = (so: World, { from, id, n }: Offered): void =>
  tell(so, other(from), { type: 'fulfill', id, preimage: secretOf(n) });

const htlcs = fc.array(
  fc.record<Planned>({
    from: fc.constantFrom('a', 'b'),
    sat: fc.constantFrom(250, 20_000, 20_000, 31_000),
    blocks: fc.integer({ min: 8, max: 16 }),
  }),
  { minLength: 1, maxLength: 4 },
);

interface Blocks extends Rules {
  readonly do: 'blocks';
  readonly blocks: number;
}
interface Reorg {
  readonly do: 'reorg';
  readonly depth: number;
  /** Whose commitment is mined if the other one was in the lost blocks. */
  readonly closer: Who;
}
interface Reveal {
  readonly do: 'reveal';
  readonly which: number;
}
const whos = fc.constantFrom<Who>('a', 'b');
const deeds = fc.array(
  fc.oneof(
    fc.record<Blocks>({
      do: fc.constant('blocks'),
      blocks: fc.integer({ min: 1, max: 9 }),
      first: whos,
      who: fc.constantFrom<readonly Who[]>(['a'], ['b'], both, both),
    }),
    fc.record<Reorg>({ do: fc.constant('reorg'), depth: fc.integer({ min: 1, max: 6 }), closer: whos }),
    fc.record<Reveal>({ do: fc.constant('reveal'), which: fc.nat(3) }),
  ),
  { minLength: 3, maxLength: 9 },
);

/** What each side is and has as its channel goes on chain. */
interface Begun {
  readonly so: World;
  readonly offered: readonly Offered[];
  readonly disks: Readonly<Record<Who, ReadonlyMap<string, Uint8Array>>>;
  readonly commitments: Readonly<Record<Who, Uint8Array>>;
  readonly opened: number;
  /** The HTLCs whose preimages were learnt since. */
  readonly revealed: Set<Offered>;
}

const begun = (so: World, planned: readonly Planned[]): Begun => {
  const offered = offerAll(so, planned);
  const { a, b } = so.pair;
  return {
    ...{ so, offered, opened: tip(so), revealed: new Set() },
    disks: { a: new Map(a.disk), b: new Map(b.disk) },
    commitments: { a: signedLocalCommitment(coreOf(a)), b: signedLocalCommitment(coreOf(b)) },
  };
};

const perform = ({ so, offered, commitments, opened, revealed }: Begun, deed: Blocks | Reorg | Reveal): void => {
  if (deed.do === 'blocks') for (let i = 0; i < deed.blocks; i++) advance(so, deed);
  if (deed.do === 'reorg') {
    unwind(so, Math.min(deed.depth, tip(so) - opened));
    const lost = both.every((who) => so.pair[who].state.phase === 'failed');
    mine(so, lost ? [commitments[deed.closer]] : []);
  }
  const htlc = deed.do === 'reveal' ? offered[deed.which] : undefined;
  if (htlc === undefined) return;
  revealed.add(htlc);
  reveal(so, htlc);
};

/** Who sees the last branch only is as far as who saw all of them. */
const matchesReplay = ({ so, disks, revealed }: Begun): void => {
  for (const who of both) {
    const late = latecomer(so, who, disks[who]);
    for (const htlc of revealed) if (htlc.from !== who) reveal(late, htlc);
    expect(claimsOf(so, who)).toEqual(claimsOf(late, who));
    expect(so.pair[who].state.phase).toBe(late.pair[who].state.phase);
    const [told, replayed] = [fates(so.pair[who]), fates(late.pair[who])];
    expect(told.map((fate) => fate.split(' ')[0])).toEqual(
      expect.arrayContaining(replayed.map((fate) => fate.split(' ')[0])),
    );
  }
};

/** Nothing is left in the channel, every HTLC has one end, and each side was told of it once. */
const endsWell = ({ so, offered }: Begun): void => {
  playDown(so);
  const left = txOf(closingOf(so)).outs.reduce((sum, { value }) => sum + (value === 330n ? 0n : value), 0n);
  expect(both.reduce((sum, who) => sum + gained(so, who) + feesOf(so, who), 0n)).toBe(left);
  for (const { from, id } of offered) {
    const ends = fates(so.pair[from]).filter((fate) => fate.startsWith(`${id} `));
    expect([[`${id} fulfilled`], [`${id} timed_out`]]).toContainEqual(ends.slice(0, 1));
    expect(eventsOf(so.pair[other(from)], 'settled').filter((event) => event.id === id)).toHaveLength(1);
  }
};

/** Found once: a preimage that came when the HTLC was over already, and a reorg that gave its output back. */
const lateKnowledge: [Planned[], (Blocks | Reorg | Reveal)[], Who] = [
  [{ from: 'a', sat: 31_000, blocks: 8 }],
  [
    { do: 'blocks', blocks: 13, first: 'a', who: ['a'] },
    { do: 'reveal', which: 0 },
    { do: 'reorg', depth: 3, closer: 'a' },
    { do: 'reorg', depth: 4, closer: 'a' },
    { do: 'blocks', blocks: 1, first: 'a', who: ['a'] },
  ],
  'a',
];

describe.each(formatNames)('%s: reorgs of close and claims, up to six deep', (format) => {
  test('leave the same result as the last branch alone, and no output unclaimed in the end', { timeout }, () => {
    fc.assert(
      fc.property(htlcs, deeds, whos, (planned, done, closer) => {
        const play = begun(world(format), planned);
        mine(play.so, [play.commitments[closer]]);
        for (const deed of done) {
          perform(play, deed);
          matchesReplay(play);
        }
        endsWell(play);
      }),
      { numRuns: runs, examples: [lateKnowledge] },
    );
  });
});

describe.each(formatNames)('%s: a restart after every block', (format) => {
  const planned: readonly Planned[] = [
    { from: 'a', sat: 40_000, blocks: 12 },
    { from: 'b', sat: 30_000, blocks: 14 },
    { from: 'a', sat: 20_000, blocks: 10 },
    { from: 'b', sat: 250, blocks: 12 },
    { from: 'a', sat: 250, blocks: 12 },
    { from: 'b', sat: 50_000, blocks: 16 },
  ];
  /** All that is claimed before each block, all that is told, and what each has at the end. */
  const play = (closer: Who, restarted: Who | undefined) => {
    const { so, offered, commitments } = begun(world(format), planned);
    mine(so, [commitments[closer]]);
    const claims: unknown[] = [];
    for (let blocks = 0; blocks < 36; blocks++) {
      if (blocks === 2) for (const htlc of offered.slice(0, 2)) reveal(so, htlc);
      if (restarted !== undefined) reboot(so, restarted);
      claims.push(both.map((who) => claimsOf(so, who)));
      advance(so);
    }
    const told = both.map((who) => [fates(so.pair[who]), eventsOf(so.pair[who], 'settled')]);
    return { claims, told, gained: both.map((who) => gained(so, who)) };
  };
  /** Without a restart, by who closed: what either side's restarts are compared with. */
  const undisturbed = new Map<Who, ReturnType<typeof play>>();
  const unrestarted = (closer: Who): ReturnType<typeof play> => {
    const played = undisturbed.get(closer) ?? play(closer, undefined);
    undisturbed.set(closer, played);
    return played;
  };
  test.each(both.flatMap((closer) => both.map((restarted) => ({ closer, restarted }))))(
    'of $restarted, after $closer closed, changes nothing',
    ({ closer, restarted }) => {
      expect(play(closer, restarted)).toEqual(unrestarted(closer));
    },
  );
});
