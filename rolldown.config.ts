/**
 * How dist/ is made: few files that load fast, split so that a call of a method loads nothing of the node. What we use of npm is
 * built in, except for what is native; the licences of those packages go beside it. All is built in a folder beside dist/, whose place
 * node/cli/writemethods.ts then has it take.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';
import { minifySync } from 'rolldown/utils';

/** Where it is built. Programs run from dist/ meanwhile. */
const made = '.build';

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

/** Where `npm run declarations` writes what tsc says of the sources. */
const declared = 'node_modules/.cache/declarations';
const specifier = /((?:from |import\()['"])(\.[^'"]+)\.ts(['"])/g;

/** Puts the declarations of these files beside them, with all that those refer to and no more, where there are any. */
const declarations = (entries: readonly string[]): Plugin => ({
  name: 'declarations',
  generateBundle() {
    if (!existsSync(declared)) return;
    const seen = new Set(entries);
    for (const path of seen) {
      const source = readFileSync(join(declared, `${path}.d.ts`), 'utf8').replace(
        specifier,
        (_, before: string, target: string, after: string) => {
          seen.add(join(dirname(path), target));
          return `${before}${target}.js${after}`;
        },
      );
      this.emitFile({ type: 'asset', fileName: `${path}.d.ts`, source });
    }
  },
});

/** What an error can be thrown at, or pass through: a line without any of it is in no stack. */
const throwing = /[([.`]|\bthrow\b|\bnew\b|\bawait\b|\bin\b/;

/** Makes of each map what a stack needs: the source and its line for each line that can be in one. */
const smallMaps = (): Plugin => ({
  name: 'small-maps',
  generateBundle(_options, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      if (file.type !== 'asset' || !name.endsWith('.js.map')) continue;
      const { sources, mappings } = JSON.parse(String(file.source));
      const chunk = bundle[name.slice(0, -'.map'.length)];
      const code = chunk?.type === 'chunk' ? chunk.code.split('\n') : [];
      const lines = decode(mappings).map((segments, at) =>
        throwing.test(code[at] ?? '') ? segments.filter(({ length }) => length > 1).slice(0, 1) : [],
      );
      file.source = JSON.stringify({
        version: 3,
        sources,
        names: [],
        mappings: encode(lines),
      });
    }
  },
});

/**
 * Makes packages of npm small, which nobody reads in dist/; names of functions and classes stay. Once all is written: lines that it joins
 * would be taken apart again before. Their maps go, since nothing is in those lines that a stack could be shown by.
 */
const smallPackages = (): Plugin => ({
  name: 'small-packages',
  generateBundle(_options, bundle) {
    for (const [name, file] of Object.entries(bundle)) {
      if (file.type !== 'chunk' || !file.name.startsWith('npm-')) continue;
      file.code = minifySync(name, file.code, { module: true, mangle: { keepNames: true } }).code;
      delete bundle[`${name}.map`];
    }
  },
});

/** These files below `dir`, each a program or an entry of the library, as the sources stand below `from`. */
const build = (
  dir: string,
  from: string,
  files: readonly string[],
  plugins: readonly Plugin[] = [],
): RolldownOptions => ({
  input: Object.fromEntries(files.map((file) => [file, `${from}/${file}.ts`])),
  platform: 'node',
  // For Node yaml offers CommonJS, of which everything is taken in; of its modules what is used is.
  resolve: { alias: { yaml: resolve('node_modules/yaml/browser/dist/index.js') } },
  external: (id) => outside.some((name) => id === name || id.startsWith(`${name}/`)),
  plugins: [licences(), smallPackages(), smallMaps(), ...plugins],
  logLevel: 'warn',
  // What a program loads at once and another one later is at hand for both.
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir,
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: { legal: true, annotation: false, jsdoc: false },
    // Names of variables are a twentieth of the package; those of functions and classes, which stacks show, stay, and so do lines.
    minify: { compress: false, mangle: { toplevel: false, keepNames: true }, codegen: { removeWhitespace: false } },
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

/** The entries of the library, which stand in `exports` of package.json. */
const library = ['wire/index', 'onion/index', 'channel/index', 'amp/index', 'node/index'];
const programs = [
  'node/main',
  'node/graph/signatureworker',
  'node/cli/writemethods',
  'node/regtest/demo/demo',
  'node/regtest/demo/fetch',
];

/** The web page: one script for browsers, which needs no package, and the files around it as they are. */
const page: RolldownOptions = {
  input: { page: 'node/web/page/main.ts' },
  platform: 'browser',
  logLevel: 'warn',
  plugins: [
    {
      name: 'page',
      generateBundle() {
        for (const fileName of ['index.html', 'page.css', 'icon.svg'])
          this.emitFile({ type: 'asset', fileName, source: readFileSync(join('node/web/page', fileName), 'utf8') });
      },
    },
  ],
  output: { dir: `${made}/web`, cleanDir: true, minify: true },
};

export default defineConfig([
  build(made, '.', [...library, ...programs], [declarations(library)]),
  build(`${made}/test`, 'test', [
    'bench/main',
    'bench/gossippeer',
    'bench/gossipend',
    'soak/main',
    'soak/attackers',
    'interop/ldk/main',
    'interop/main',
  ]),
  page,
]);
