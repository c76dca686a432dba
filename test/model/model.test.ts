/**
 * Three nodes in a line and all that can happen to them. Each run is drawn from a seed: payments, lost messages, power cuts,
 * blocks; at its end everybody comes back, and nothing may be lost.
 *
 * `AMPERE_MODEL_RUNS` and `AMPERE_MODEL_SEED` pin what is drawn, `AMPERE_MODEL_PATH` (as fast-check prints it) the run.
 */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { baseOf } from './base.ts';
import { judge } from './judge.ts';
import { type Move, offchain, play } from './moves.ts';
import { rest } from './rest.ts';
import { World } from './world.ts';

vi.mock('../../node/peer/secure.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/wallet/keys.ts', async (original) => {
  const real = await original<typeof import('../../node/wallet/keys.ts')>();
  const known = new Map<string, ReturnType<typeof real.keysOf>>();
  return {
    ...real,
    // Deriving them takes longer than a run.
    keysOf: (seed: Uint8Array, coin: 0 | 1) => {
      const keys = known.get(hex(seed)) ?? real.keysOf(seed, coin);
      known.set(hex(seed), keys);
      return keys;
    },
  };
});

const runs = Number(process.env['AMPERE_MODEL_RUNS'] ?? 100);
const seed = Number(process.env['AMPERE_MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const path = process.env['AMPERE_MODEL_PATH'];

const wish = fc.record({
  funders: fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.constantFrom(0 as const, 1 as const)),
  anchors: fc.constant(false),
});

const runOf = async (begin: Parameters<typeof baseOf>[0], moves: readonly Move[]): Promise<void> => {
  const base = await baseOf(begin);
  const world = new World(base);
  try {
    for (const { place } of world.sites) await world.start(place);
    for (const link of world.wires.links.keys()) await world.join(link);
    await world.settle();
    for (const move of moves) {
      await play(world, move);
      expect([...world.troubles, ...world.books.complaints]).toEqual([]);
    }
    await rest(world);
    expect(judge(world, base)).toEqual([]);
  } finally {
    if (world.story.length > 0) console.log(world.story.join('\n'));
    await world.end();
  }
};

test(`whatever happens, nothing is lost (seed ${seed}, ${runs} runs)`, { timeout: 60_000 + runs * 2000 }, async () => {
  console.log(`model: AMPERE_MODEL_SEED=${seed} AMPERE_MODEL_RUNS=${runs}`);
  await fc.assert(fc.asyncProperty(wish, fc.array(offchain, { minLength: 5, maxLength: 50, size: 'max' }), runOf), {
    numRuns: runs,
    seed,
    ...(path === undefined ? {} : { path }),
  });
});
