/** A build that replaces the last one: whoever starts or runs meanwhile finds all that it loads, and the package has nothing old. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { replaceBuild, replacement } from '../../node/cli/replacebuild.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-build-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Builds, each with the content hashes of its chunks: an entry of a build loads all of them, some late. */
const builds = fc.array(fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 });
const chunksOf = (hashes: readonly number[]): readonly string[] => hashes.map((hash) => `chunks/shared-${hash}.js`);

test('at every instant of a build each program finds its chunks, if it starts now or runs since the last change', () => {
  fc.assert(
    fc.property(builds, (history) => {
      /** What is there: of an entry, which chunks it loads. */
      const there = new Map<string, readonly string[]>();
      let stale: readonly string[] = [];
      let running: readonly string[] = [];
      for (const hashes of history) {
        const chunks = chunksOf(hashes);
        const made = ['node/main.js', ...chunks, 'test/bench/main.js'];
        const plan = replacement(made, [...there.keys()], stale);
        const whole = (): void => {
          for (const loads of [...there.values(), running])
            for (const chunk of loads) expect(there.has(chunk)).toBe(true);
        };
        running = there.get('node/main.js') ?? [];
        for (const path of plan.moves) {
          there.set(path, path.endsWith('main.js') ? chunks : []);
          whole();
        }
        for (const path of plan.removes) {
          there.delete(path);
          whole();
        }
        stale = plan.stale;
        expect([...there.keys()].filter((path) => !stale.includes(path)).sort()).toEqual([...made].sort());
      }
    }),
  );
});

test('what only an earlier build had stays until the build after the next change, named for npm to leave out', async () => {
  const [made, folder] = [join(dir, 'made'), join(dir, 'dist')];
  const build = async (files: readonly string[]): Promise<readonly string[]> => {
    for (const path of files) {
      await mkdir(dirname(join(made, path)), { recursive: true });
      await writeFile(join(made, path), files.join());
    }
    await replaceBuild(made, folder);
    expect(await readdir(dir)).toEqual(['dist']);
    return (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.js')).sort();
  };
  expect(await build(['main.js', 'old/main.js', 'chunks/a.js'])).toEqual(['chunks/a.js', 'main.js', 'old/main.js']);
  await expect(readFile(join(folder, '.npmignore'))).rejects.toThrow('ENOENT');
  const second = ['main.js', 'chunks/b.js', 'test/chunks/c.js'];
  for (const _ of ['changed', 'the same']) {
    expect(await build(second)).toEqual(['chunks/a.js', 'chunks/b.js', 'main.js', 'test/chunks/c.js']);
    expect(await readFile(join(folder, '.npmignore'), 'utf8')).toBe('/chunks/a.js\n');
    expect(await readFile(join(folder, 'main.js'), 'utf8')).toBe(second.join());
    expect(await readdir(folder)).not.toContain('old');
  }
  expect(await build(['main.js', 'chunks/b.js'])).toEqual(['chunks/b.js', 'main.js', 'test/chunks/c.js']);
  expect(await build(['main.js', 'chunks/d.js'])).toEqual(['chunks/b.js', 'chunks/d.js', 'main.js']);
});
