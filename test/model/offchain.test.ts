/** Random runs of three whole, honest nodes in a line, with lost messages, disconnects and power cuts: no channel fails, and every millisatoshi is where it should be. */
import { vi } from 'vitest';
import { offchainRuns } from './arbitraries.ts';
import { testModel } from './property.ts';

vi.mock('../../node/peer/noisestream.ts', () => import('./stubs/plaintransport.ts'));
vi.mock('../../node/wallet/seed.ts', () => import('./stubs/seed.ts'));
vi.mock('../../node/backup/file.ts', () => import('./stubs/backupfile.ts'));
vi.mock('../../node/base/disk.ts', () => import('./stubs/diskspace.ts'));
vi.mock('../../node/wallet/keys.ts', async (real) => (await import('./stubs/keycache.ts')).remembering(await real()));

testModel(
  'random runs of honest nodes: lost messages and power cuts lose no millisatoshi and fail no channel',
  offchainRuns,
  8,
);
