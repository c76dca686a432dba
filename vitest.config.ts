import { defineConfig } from 'vitest/config';

/** `fast` needs nothing but the tree; `regtest` starts nodes and bitcoind, `interop` other implementations too, a file at a time. */
export default defineConfig({
  test: {
    // All cores: the runner itself has little to do.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/regtest/**', 'test/interop/**'],
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'regtest',
          include: ['test/regtest/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
