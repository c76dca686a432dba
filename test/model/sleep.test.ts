/** Three whole nodes in a line, of which one sleeps: nobody waits for it for ever, and nobody but its peers for it at all. */
import { vi } from 'vitest';
import { holds } from './property.ts';
import { sleep } from './troubledraws.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

holds('peers that sleep, in whatever phase, freeze and take nothing', sleep, 4);
