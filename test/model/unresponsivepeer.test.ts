/** Random runs of three whole nodes in a line, of which one stops responding: no peer waits for it for ever, and nodes that are not its peers are not affected. */
import { vi } from 'vitest';
import { unresponsivePeerRuns } from './faultyarbitraries.ts';
import { testModel } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

testModel(
  'random runs with a peer that stops responding, in any phase of a channel: nothing is frozen or lost',
  unresponsivePeerRuns,
  3,
);
