/** A run is its moves: nothing else, no clock and no chance, has a say in it. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { forceCloseRuns } from './arbitraries.ts';
import { perform } from './moves.ts';
import { setupFor } from './setup.ts';
import { windDown } from './winddown.ts';
import { World } from './world.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

test('the same moves on the same setup give the same trace, message by message', async () => {
  const [sample] = fc.sample(forceCloseRuns, { numRuns: 1, seed: 9735 });
  if (sample === undefined) throw new Error('nothing drawn');
  const [options, moves] = sample;
  const traceOf = async (): Promise<readonly string[]> => {
    const world = new World(await setupFor(options), options, true);
    for (const { place } of world.sites) await world.start(place);
    for (const link of world.wires.links.keys()) await world.join(link);
    for (const move of moves) await perform(world, move);
    await windDown(world);
    await world.end();
    return world.traceLines;
  };
  const [first, second] = [await traceOf(), await traceOf()];
  expect(first.length).toBeGreaterThan(100);
  expect(second).toEqual(first);
});
