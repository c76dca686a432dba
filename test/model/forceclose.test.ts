/** Random runs of three whole nodes in a line with force closes, revoked commitments, expiries and reorgs: honest nodes lose nothing but fees, and each payment has one result. */
import { vi } from 'vitest';
import { forceCloseRuns } from './arbitraries.ts';
import { testModel } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

testModel(
  'random runs with force closes, revoked commitments, expiries and reorgs: honest nodes lose nothing',
  forceCloseRuns,
  6,
);
