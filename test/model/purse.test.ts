/** Three whole nodes in a line, of which one has no coins to claim with: it takes part in nothing that it could not get out of. */
import { vi } from 'vitest';
import { holds } from './property.ts';
import { purse } from './troubledraws.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

holds('who has no coins for claims loses nothing but its chances', purse, 4);
