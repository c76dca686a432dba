/** Three whole nodes in a line whose channels go to the chain in every way: nobody loses but what it stated, payments end once. */
import { vi } from 'vitest';
import { storm } from './draws.ts';
import { holds } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

holds('force closes, silent peers, expiries and reorgs lose nothing', storm, 30);
