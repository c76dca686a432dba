/** One run: a beginning, moves, the rest, the judgement. What a run did can be counted, to know that runs do much. */
import { expect } from 'vitest';
import { type Base, baseOf, channelOf } from './base.ts';
import { judge } from './judge.ts';
import { endingsOf } from './money.ts';
import { type Move, play, type RunWish } from './moves.ts';
import { rest } from './rest.ts';
import { World } from './world.ts';

/** How often things happened, over all runs of this process. */
export const tally = new Map<string, number>();

const count = (what: string): void => {
  tally.set(what, (tally.get(what) ?? 0) + 1);
};

const countAll = (world: World, base: Base): void => {
  const { books } = world;
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
  for (const { id, scheme } of books.payments.values()) {
    const kept = books.kept.get(id);
    count(
      `payment ${scheme} ${kept?.status ?? 'never kept'}${kept?.status === 'complete' ? `, parts ${kept.result?.parts}` : ''}`,
    );
  }
  for (const ends of books.ends.values()) count(`HTLC ${[...ends.values()][0]}`);
};

/** Throws where anything is not as it must be. */
export const runModel = async (wish: RunWish, moves: readonly Move[]): Promise<void> => {
  const base = await baseOf(wish);
  const world = new World(base, wish);
  try {
    for (const { place } of world.sites) await world.start(place);
    for (const link of world.wires.links.keys()) await world.join(link);
    await world.settle();
    for (const move of moves) {
      world.backUp();
      await play(world, move);
      expect([...world.troubles, ...world.books.complaints]).toEqual([]);
    }
    const restless = await rest(world).then(
      () => [],
      (error: unknown) => [error instanceof Error ? error.message : String(error)],
    );
    expect([...restless, ...(await judge(world, base))]).toEqual([]);
    countAll(world, base);
  } finally {
    if (world.story.length > 0) console.log(world.story.join('\n'));
    await world.end();
  }
};
