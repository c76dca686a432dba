/** Three whole nodes in a line, whatever is lost and whoever dies: no channel breaks, and every millisatoshi is where it should be. */
import { vi } from 'vitest';
import { calm } from './draws.ts';
import { holds } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

holds('payments, lost messages and power cuts lose nothing and break no channel', calm, 40);
