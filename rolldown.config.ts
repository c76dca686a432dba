/**
 * How dist/ is made: few files that load fast, split so that a call of a method loads nothing of the node. What we use of npm is
 * built in, except for what is native; the licences of those packages go beside it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';

/** Packages with binaries, or that are loaded only where they are installed. */
const outside = ['classic-level', 'secp256k1', 'tiny-secp256k1', 'bitcore-lib', 'lightningdevkit'];

/** The name of the npm package that a module belongs to, and the folder of that package. */
const packageOf = (id: string): { readonly name: string; readonly folder: string } | undefined => {
  const found = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id);
  return found?.[1] === undefined || found[2] === undefined ? undefined : { folder: found[1], name: found[2] };
};

/** Writes the licences of all packages that are built in, which is what they ask for. Throws Error where one has none. */
const licences = (): Plugin => ({
  name: 'licences',
  generateBundle(_options, bundle) {
    const folders = new Map<string, string>();
    for (const file of Object.values(bundle))
      for (const id of file.type === 'chunk' ? file.moduleIds : []) {
        const found = packageOf(id);
        if (found !== undefined) folders.set(found.folder, found.name);
      }
    const texts = [...folders].map(([folder, name]) => {
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      if (file === undefined && license === undefined) throw new Error(`the package ${name} has no licence`);
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    });
    const source = `Ampere contains these packages.\n\n${[...new Set(texts)].sort().join(`\n${'-'.repeat(72)}\n\n`)}`;
    this.emitFile({ type: 'asset', fileName: 'LICENSES.txt', source });
  },
});

/** The same files below another folder, each a program or an entry of the library. */
const build = (dir: string, entries: Readonly<Record<string, string>>): RolldownOptions => ({
  input: { ...entries },
  platform: 'node',
  external: (id) => outside.some((name) => id === name || id.startsWith(`${name}/`)),
  plugins: [licences()],
  logLevel: 'warn',
  // What a program loads at once and another one later is at hand for both.
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir,
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: { legal: true, annotation: false, jsdoc: false },
    // Read only where an error is told (node/base/stacks.ts), so that a start costs nothing of it.
    sourcemap: true,
    sourcemapExcludeSources: true,
    codeSplitting: {
      groups: [
        { debugName: 'npm', test: /\/node_modules\//, name: (id) => `npm-${packageOf(id)?.name.replace('/', '-')}` },
      ],
    },
  },
});

const at = (...paths: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(paths.map((path) => [path, `${path}.ts`]));

export default defineConfig([
  build(
    'dist',
    at(
      ...[
        'node/main',
        'node/run',
        'node/cli/program',
        'node/cli/writemethods',
        'node/config/config',
        'amp/payload',
        'amp/tree',
      ],
      ...['node/regtest/demo/demo', 'node/regtest/demo/fetch'],
    ),
  ),
  build('dist/test', {
    'bench/main': 'test/bench/main.ts',
    'soak/main': 'test/soak/main.ts',
    'soak/attackers': 'test/soak/attackers.ts',
    'interop/ldk/main': 'test/interop/ldk/main.ts',
  }),
]);
