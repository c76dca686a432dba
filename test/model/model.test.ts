/**
 * Three whole nodes in a line and all that can happen to them. Each run is drawn from a seed: payments, lost messages, power
 * cuts, blocks; at its end everybody comes back, and nothing may be lost.
 *
 * AMPERE_MODEL_RUNS says how many runs, AMPERE_MODEL_SEED which; AMPERE_MODEL_PATH, as a failure prints it, picks one of them,
 * and AMPERE_MODEL_TRACE tells its story.
 */
import fc from 'fast-check';
import { test, vi } from 'vitest';
import { hex } from '../../wire/bytes.ts';
import { found } from './found.ts';
import { begin, moves } from './moves.ts';
import { runModel, tally } from './run.ts';

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

const env = (name: string): string | undefined => process.env[`AMPERE_MODEL_${name}`];
const runs = Number(env('RUNS') ?? 100);
const seed = Number(env('SEED') ?? Math.floor(Math.random() * 2 ** 31));
const path = env('PATH');

for (const { title, wish, moves } of found) test(title, () => runModel(wish, moves));

test(`whatever happens, nothing is lost: AMPERE_MODEL_SEED=${seed} AMPERE_MODEL_RUNS=${runs}`, {
  timeout: 600_000 + runs * 3000,
}, async () => {
  console.log(`model: AMPERE_MODEL_SEED=${seed} AMPERE_MODEL_RUNS=${runs}`);
  const property = fc.asyncProperty(begin, moves, runModel);
  await fc.assert(property, {
    numRuns: runs,
    seed,
    // A run that is picked is run as it is.
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  });
  if (env('TALLY') !== undefined)
    console.log(
      [...tally]
        .sort()
        .map(([what, n]) => `${n} ${what}`)
        .join('\n'),
    );
});
