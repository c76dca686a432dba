import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Runs of whole nodes: all of them put the same modules in the place of the same ones, and share those and their first channels. */
const model = ['test/model/**/*.test.ts'];
/** Tests that count the calls of a module: each needs modules of its own. */
const counting = ['test/onion/failureonion.test.ts'];

/** Files that take longest, in this order: begun last, one of them would keep the other cores waiting. */
const longest: readonly string[] = [
  'node/parameters/parameters',
  ...['regressions', 'mutualclose', 'forceclose', 'offchain', 'unresponsivepeer', 'emptywallet', 'determinism'].map(
    (name) => `test/model/${name}.test.ts`,
  ),
  'test/onion/failureonion.test.ts',
  ...['node/fullchannel', 'node/anymessage', 'channel/badinput', 'channel/lossy', 'node/api/longlists'],
  ...['node/extremes', 'node/recover', 'node/openings', 'channel/onchainreorg', 'channel/onchainthief'],
  ...['persist', 'onchain', 'labup', 'package', 'onchainreorg', 'diamond', 'onchainline', 'demo', 'web', 'cut'].map(
    (name) => `regtest/${name}`,
  ),
  ...['mirror/table', 'mirror/cases', 'kill', 'soak', 'sick', 'backup', 'onchainthief', 'crash'].map(
    (name) => `regtest/${name}`,
  ),
  ...[
    'lndforwards',
    'lndforced',
    'electrum',
    'lnd',
    'lndcloses',
    'lndhints',
    'lnbits',
    'ldk',
    'ldkforwards',
    'ldkforced',
    'electrumforced',
    'electrumforwards',
  ].map((name) => `interop/${name}`),
  ...['ldkcloses', 'ldkmidway', 'ldkwithout', 'pyln', 'ldkreorg', 'lndlab', 'ldkselfforce'].map(
    (name) => `interop/${name}`,
  ),
].map((name) => (name.startsWith('test/') ? name : `test/${name}.test.ts`));

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const place = longest.indexOf(relative(project.config.root, moduleId));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const cores = availableParallelism();

/**
 * V8 compiles a function for speed once it ran for so many bytes of code. Most of what tests run they run a few times, and compiling it
 * all took a sixth of their time. Other versions of Node refuse the option.
 */
const execArgv = process.versions.node.startsWith('20.') ? ['--interrupt-budget=1500000'] : [];

/** What every test of the tree alone has. Whole nodes wait for disks and sockets at times: more files at once than there are cores. */
const quick = {
  setupFiles: ['test/support/equalbytes.ts'],
  execArgv,
  maxWorkers: cores + 1,
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

/**
 * `fast`, `model` and `counting` need nothing but the tree. `regtest` starts nodes and a bitcoind for each file, which wait for each
 * other much of the time. `interop` starts other implementations too.
 */
export default defineConfig({
  test: {
    // All cores: the runner itself has little to do.
    maxWorkers: cores,
    sequence: { sequencer: LongestFirst },
    // The next run, also under another Node, takes what has not changed as it was compiled before.
    experimental: { fsModuleCache: true },
    projects: [
      {
        // Examples import what a program outside does, and run on the sources.
        resolve: {
          alias: [{ find: /^ampere\/(\w+)$/, replacement: fileURLToPath(new URL('$1/index.ts', import.meta.url)) }],
        },
        test: {
          name: 'fast',
          // Modules are loaded once a worker, not once a file. No test of these puts another module in a module's place.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/regtest/**', 'test/interop/**', ...model, ...counting],
          ...quick,
        },
      },
      { test: { name: 'model', isolate: false, include: model, ...quick } },
      { test: { name: 'counting', include: counting, ...quick } },
      {
        test: {
          name: 'regtest',
          include: ['test/regtest/**/*.test.ts'],
          globalSetup: 'test/support/fetchchain.ts',
          // Modules are loaded once a worker. What a file starts are processes, and its own.
          isolate: false,
          sequence: { groupOrder: 1 },
          // A file waits for one process after the other: each keeps less than a core at work.
          maxWorkers: cores + 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          globalSetup: 'test/interop/prepare.ts',
          sequence: { groupOrder: 2 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
