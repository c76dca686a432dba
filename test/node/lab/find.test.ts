/** Finding bitcoind, with programs that only pretend: nothing here asks the network. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { libraryClosure } from '../../../node/regtest/demo/apt.ts';
import { findBitcoind } from '../../../node/regtest/demo/find.ts';

let folder = '';
let bin = '';
let env: NodeJS.ProcessEnv = {};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ampere-find-'));
  bin = join(folder, 'bin');
  await mkdir(bin);
  env = { PATH: bin, XDG_CACHE_HOME: join(folder, 'cache') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const script = async (path: string, ...lines: readonly string[]): Promise<string> => {
  await writeFile(path, `${['#!/bin/sh', ...lines].join('\n')}\n`);
  await chmod(path, 0o755);
  return path;
};
const pretend = (path: string, name = 'one') => script(path, `echo "Bitcoin ${name} daemon version v29"`);
const cacheFiles = () => readdir(join(folder, 'cache', 'ampere')).catch(() => []);

/** An apt-get that has a mirror and hands out a package whose loader is a script, and a dpkg that unpacks it. */
const pretendApt = async (loader = 'echo "Bitcoin fetched daemon version v29"'): Promise<void> => {
  env = { ...env, PATH: `${bin}:/usr/bin:/bin`, FETCHES: join(folder, 'fetches') };
  await script(
    join(bin, 'apt-get'),
    'case "$*" in',
    '  indextargets*) echo "http://mirror.invalid/debian/ bookworm bookworm" ;;',
    '  *update) ;;',
    '  *download*) echo >>"$FETCHES"; touch bitcoin-knots.deb ;;',
    'esac',
  );
  await script(join(bin, 'apt-cache'), 'echo bitcoin-knots');
  await script(
    join(bin, 'dpkg'),
    'mkdir -p "$3/usr/bin" "$3/usr/lib/arch"',
    'touch "$3/usr/bin/bitcoind" "$3/usr/lib/arch/libc.so.6"',
    `printf '#!/bin/sh\\n%s\\n' '${loader}' >"$3/usr/lib/arch/ld-linux-arch.so.2"`,
    'chmod +x "$3/usr/lib/arch/ld-linux-arch.so.2"',
  );
};

describe('order', () => {
  test('BITCOIND comes before the PATH, as a program or as a whole command line', async () => {
    await pretend(join(bin, 'bitcoind'), 'installed');
    const named = await pretend(join(folder, 'mine'), 'mine');
    expect(await findBitcoind({ env: { ...env, BITCOIND: named } })).toEqual({
      command: [named],
      source: 'BITCOIND',
      version: 'Bitcoin mine daemon version v29',
    });
    const line = await findBitcoind({ env: { ...env, BITCOIND: `/bin/sh ${named}` } });
    expect(line.command).toEqual(['/bin/sh', named]);
  });

  test('a BITCOIND that does not run is an error, and nothing is taken for it', async () => {
    await pretend(join(bin, 'bitcoind'));
    await expect(findBitcoind({ env: { ...env, BITCOIND: '/nonexistent' } })).rejects.toThrow(
      'BITCOIND is set to /nonexistent, which does not run',
    );
  });

  test('one on the PATH is taken', async () => {
    const path = await pretend(join(bin, 'bitcoind'));
    expect(await findBitcoind({ env })).toMatchObject({ command: [path], source: 'PATH' });
  });

  test('where there is none, everything that was tried is said, and what to do', async () => {
    await script(join(bin, 'bitcoind'), 'exit 1');
    const error = await findBitcoind({ env }).catch((reason: unknown) => String(reason));
    expect(error).toContain('the variable BITCOIND is not set');
    expect(error).toContain(`${join(bin, 'bitcoind')} does not run`);
    expect(error).toContain('there is no apt here');
    expect(error).toContain('Install Bitcoin Core or Knots');
  });
});

describe('download', () => {
  test('a fetched copy is announced step by step, kept, and used from then on', async () => {
    await pretendApt();
    const said: string[] = [];
    const fetched = await findBitcoind({ env, progress: (line) => said.push(line) });
    expect(fetched).toMatchObject({ source: 'download', version: 'Bitcoin fetched daemon version v29' });
    expect(said).toEqual([
      'fetching bitcoind from Debian (25 MB, once)',
      "fetching bitcoind: asking Debian's forky suite for its packages",
      'fetching bitcoind: package 1 of 1, bitcoin-knots',
      'fetching bitcoind: unpacking 1 packages',
    ]);
    expect(await findBitcoind({ env })).toEqual({ ...fetched, source: 'cache' });
    expect(await readFile(env['FETCHES'] ?? '', 'utf8')).toBe('\n');
    expect(await cacheFiles()).toHaveLength(1);
  });

  test('processes that fetch at the same time all end with one whole copy', async () => {
    await pretendApt();
    const found = await Promise.all([1, 2, 3].map(() => findBitcoind({ env })));
    expect(new Set(found.map(({ command }) => command.join(' '))).size).toBe(1);
    expect(await cacheFiles()).toHaveLength(1);
  });

  test('one that was cut short is not taken for a copy, and leaves nothing behind', async () => {
    await pretendApt('exit 1');
    await expect(findBitcoind({ env })).rejects.toThrow('what Debian gave does not run on this machine');
    expect(await cacheFiles()).toEqual([]);
    await pretendApt();
    expect((await findBitcoind({ env })).source).toBe('download');
  });

  test('a cached copy that no longer runs is replaced', async () => {
    await pretendApt();
    const { command } = await findBitcoind({ env });
    await script(command[0] ?? '', 'exit 1');
    expect((await findBitcoind({ env })).source).toBe('download');
    expect((await findBitcoind({ env })).source).toBe('cache');
    expect(await cacheFiles()).toHaveLength(1);
  });

  test("what apt complains about is passed on in apt's words", async () => {
    await pretendApt();
    await script(
      join(bin, 'apt-get'),
      'case "$*" in indextargets*) echo "http://m.invalid/debian/ a b";; *) echo "E: NO_PUBKEY 1234" >&2; exit 100;; esac',
    );
    await expect(findBitcoind({ env })).rejects.toThrow('E: NO_PUBKEY 1234');
  });

  test('an apt that knows no Debian mirror is said', async () => {
    await pretendApt();
    await script(join(bin, 'apt-get'), 'echo "http://m.invalid/ubuntu/ noble noble"');
    await expect(findBitcoind({ env })).rejects.toThrow('apt is not configured for a Debian mirror');
  });
});

test('the libraries a package hangs on are found through libraries alone, first alternatives only', () => {
  const depends = `bitcoin-knots
  Depends: libc6
 |Depends: debconf
  Depends: <debconf-2.0>
    cdebconf
  Depends: libzmq5
 |Depends: libone
  Depends: libother
libzmq5
  PreDepends: libsodium26
  Depends: zlib1g
libsodium26
  Depends: libc6
debconf
  Depends: libdebconf
libunrelated
  Depends: libc6`;
  expect(libraryClosure('bitcoin-knots', depends)).toEqual([
    'bitcoin-knots',
    'libc6',
    'libzmq5',
    'libone',
    'libsodium26',
    'zlib1g',
  ]);
});
