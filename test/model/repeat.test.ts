/** A run is its moves: nothing else, no clock and no chance, has a say in it. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { baseOf } from './base.ts';
import { storm } from './draws.ts';
import { play } from './moves.ts';
import { rest } from './rest.ts';
import { World } from './world.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

test('the same moves have the same story', async () => {
  const [sample] = fc.sample(storm, { numRuns: 1, seed: 9735 });
  if (sample === undefined) throw new Error('nothing drawn');
  const [wish, moves] = sample;
  const story = async (): Promise<readonly string[]> => {
    const world = new World(await baseOf(wish), wish, true);
    for (const { place } of world.sites) await world.start(place);
    for (const link of world.wires.links.keys()) await world.join(link);
    for (const move of moves) await play(world, move);
    await rest(world);
    await world.end();
    return world.story;
  };
  const [first, second] = [await story(), await story()];
  expect(first.length).toBeGreaterThan(100);
  expect(second).toEqual(first);
});
