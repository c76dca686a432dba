/** Three whole nodes in a line, whose channels are closed by agreement, or would be: whatever that costs, it ends, and is no more than the chain asks. */
import { vi } from 'vitest';
import { holds } from './property.ts';
import { closings } from './troubledraws.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./plain.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./seeds.ts'));
vi.mock('../../node/backup/file.ts', () => import('./files.ts'));
vi.mock('../../node/base/disk.ts', () => import('./roomydisk.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./keys.ts')).remembering(await real()));

holds('closings by agreement cost no more than they should, and what does not relay freezes nothing', closings, 5);
