/** Random runs of three whole nodes in a line with mutual closes, odd fee proposals and closings that are not relayed: every close ends, at a fee the chain asks for. */
import { vi } from 'vitest';
import { mutualCloseRuns } from './faultyarbitraries.ts';
import { testModel } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

testModel(
  'random runs with mutual closes: no fee is excessive, and a closing that is not relayed freezes no funds',
  mutualCloseRuns,
  2,
);
