/** One run: set up three nodes, perform the moves, wind down, check the invariants. What runs did can be counted, to see that they cover much. */
import { expect } from 'vitest';
import { endingsOf } from './balances.ts';
import { violations } from './invariants.ts';
import { type Move, perform, type RunOptions } from './moves.ts';
import { channelOf, type Setup, setupFor } from './setup.ts';
import { windDown } from './winddown.ts';
import { World } from './world.ts';

/** How often things happened, over all runs of this process. */
export const tally = new Map<string, number>();

const count = (what: string): void => {
  tally.set(what, (tally.get(what) ?? 0) + 1);
};

const countAll = (world: World, base: Setup): void => {
  const { observed } = world;
  for (const { unilateral } of endingsOf(world, base)) count(unilateral ? 'unilateral close' : 'mutual close');
  for (const link of world.wires.links.keys())
    for (const place of [link, link + 1]) {
      const state = world.channel(place, channelOf(link));
      if (state !== undefined && 'by' in state) count(`spent by ${state.by}`);
    }
  for (const { tx } of world.ledger.minedSince(world.first)) {
    const [input] = tx.ins;
    const script = input?.witness.at(-1)?.length ?? 0;
    const preimage = input?.witness.slice(0, -1).some(({ length }) => length === 32) ?? false;
    if (script > 100) count(preimage ? 'HTLC output, by preimage' : 'HTLC output, otherwise');
  }
  for (const { id, scheme } of observed.payments.values()) {
    const kept = observed.kept.get(id);
    count(
      `payment ${scheme} ${kept?.status ?? 'never kept'}${kept?.status === 'complete' ? `, parts ${kept.result?.parts}` : ''}`,
    );
  }
  for (const ends of observed.ends.values()) count(`HTLC ${[...ends.values()][0]}`);
};

/** Throws where anything is not as it must be. */
export const runModel = async (options: RunOptions, moves: readonly Move[]): Promise<void> => {
  const base = await setupFor(options);
  const world = new World(base, options);
  try {
    for (const { place } of world.sites) await world.start(place);
    for (const link of world.wires.links.keys()) await world.join(link);
    await world.settle();
    for (const move of moves) {
      world.backUp();
      await perform(world, move);
      expect([...world.violations, ...world.observed.complaints]).toEqual([]);
    }
    const restless = await windDown(world).then(
      () => [],
      (error: unknown) => [error instanceof Error ? error.message : String(error)],
    );
    expect([...restless, ...(await violations(world, base))]).toEqual([]);
    countAll(world, base);
  } finally {
    if (world.traceLines.length > 0) console.log(world.traceLines.join('\n'));
    await world.end();
  }
};
