/** Random runs of three whole nodes in a line, of which one has an empty wallet: it takes no HTLC whose claim it could not pay for. */
import { vi } from 'vitest';
import { emptyWalletRuns } from './faultyarbitraries.ts';
import { testModel } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

testModel('random runs with a node whose wallet is empty: it loses nothing', emptyWalletRuns, 3);
