/** Keys against BIP 84's own vectors, the seed's file, and addresses in both directions. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemEntropy } from '../../../node/base/entropy.ts';
import { networkOf } from '../../../node/ports/network.ts';
import { addressOfScript, scriptOfAddress } from '../../../node/wallet/address.ts';
import { addressBook, addressGap, keysOf } from '../../../node/wallet/keys.ts';
import { openSeed, seedOf } from '../../../node/wallet/seed.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import type { ChainName } from '../../../wire/chains.ts';
import { pointOf } from '../../../wire/crypto.ts';
import { secretKey } from '../../../wire/units.ts';

const words = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';

describe('keys', () => {
  // BIP 84, "Test vectors".
  const vectors = [
    [
      0,
      0,
      '0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c',
      'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu',
    ],
    [
      0,
      1,
      '03e775fd51f0dfb8cd865d9ff1cca2a158cf651fe997fdc9fee9c1d3b5e995ea77',
      'bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g',
    ],
    [
      1,
      0,
      '03025324888e429ab8e3dbaf1f7802648b9cd01e9b418485c5fa4c1b9b5700e1a6',
      'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el',
    ],
  ] as const;

  test.each(vectors)('branch %d index %d is the key %s', async (branch, index, key, address) => {
    const keys = keysOf(seedOf(words), 0);
    expect(hex(pointOf(keys.spendingKey({ branch, index })))).toBe(key);
    expect(addressOfScript(keys.script({ branch, index }), networkOf('bitcoin'))).toBe(address);
  });

  test('everything follows from the seed, and differs by network, label and data', async () => {
    const seed = seedOf(words);
    const keys = keysOf(seed, 1);
    expect(keysOf(seed, 1).nodeId).toEqual(keys.nodeId);
    const secrets = [
      hex(keys.identity),
      hex(keysOf(seed, 0).identity),
      hex(keys.channelSeed(Uint8Array.of(1))),
      hex(keys.channelSeed(Uint8Array.of(2))),
      hex(keys.labelled('channel')),
      hex(keys.labelled('backup')),
      hex(keysOf(seed, 0).labelled('backup')),
    ];
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  test('a forced identity names the node and changes nothing else', async () => {
    const seed = seedOf(words);
    const forced = secretKey(unhex('01'.repeat(32)));
    const keys = keysOf(seed, 1, forced);
    expect(keys.nodeId).toEqual(pointOf(forced));
    expect(keys.channelSeed(Uint8Array.of(1))).toEqual(keysOf(seed, 1).channelSeed(Uint8Array.of(1)));
  });

  test.each([0, 15, 65])('a seed of %d bytes is refused', (length) => {
    expect(() => keysOf(new Uint8Array(length), 1)).toThrow(RangeError);
  });

  test('the book looks as far as the gap past the last address it met', () => {
    const keys = keysOf(new Uint8Array(32), 1);
    const book = addressBook(keys);
    const at = (index: number) => keys.script({ branch: 0, index });
    expect(book.pathOf(at(addressGap + 1))).toBeUndefined();
    expect(book.pathOf(at(addressGap))).toEqual({ branch: 0, index: addressGap });
    expect(book.pathOf(at(addressGap + 1))).toEqual({ branch: 0, index: addressGap + 1 });
    expect(book.pathOf(new Uint8Array(22))).toBeUndefined();
  });
});

describe('seed file', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ampere-seed-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('it is made once, for its owner alone, and read ever after', async () => {
    const path = join(folder, 'new');
    const first = await openSeed(path, systemEntropy);
    expect(first.fresh).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, 'utf8')).trim().split(' ')).toHaveLength(12);
    expect(await openSeed(path, systemEntropy)).toEqual({ seed: first.seed, fresh: false });
  });

  test('what a power cut left of one that was being made is made anew', async () => {
    const path = join(folder, 'cut');
    await writeFile(`${path}.new`, 'aban');
    expect((await openSeed(path, systemEntropy)).fresh).toBe(true);
    expect((await readdir(folder)).filter((name) => name.startsWith('cut'))).toEqual(['cut']);
  });

  test.each([
    ['nowhere/seed', 'cannot write a seed to '],
    ['.', 'cannot read the seed in '],
  ])('at %s, where there can be none, it is said in a sentence', async (name, sentence) => {
    await expect(openSeed(join(folder, name), systemEntropy)).rejects.toThrow(sentence);
  });

  test('words of another wallet give that wallet, in any case and spacing', async () => {
    const path = join(folder, 'given');
    await writeFile(path, `  ${words.toUpperCase().replaceAll(' ', '  ')}\n\n`);
    await chmod(path, 0o600);
    expect((await openSeed(path, systemEntropy)).seed).toEqual(seedOf(words));
  });

  test.each([
    ['spaces of another script', '\u3000', ' '],
    ['wide letters', '\uff4f', 'o'],
    ['ligatures', '\ufb01', 'fi'],
  ])('words with %s are the words that they look like (BIP 39: NFKD), and give their seed', (_name, strange, plain) => {
    const whole = `find ${'zoo '.repeat(10)}finish`;
    const pasted = whole.replaceAll(plain, strange);
    expect(pasted).not.toBe(whole);
    expect(seedOf(pasted)).toEqual(seedOf(whole));
  });

  test.each(['', 'hello', words.replace('about', 'abandon'), `${words} about`])('%j is no seed', async (content) => {
    const path = join(folder, 'bad');
    await writeFile(path, content);
    await expect(openSeed(path, systemEntropy)).rejects.toMatchObject({ fault: { code: 'bad_seed', path } });
  });
});

describe('addresses', () => {
  // From BIP 173, BIP 350 and the networks' base58 prefixes.
  const good: readonly (readonly [ChainName, string, string])[] = [
    ['bitcoin', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', '0014751e76e8199196d454941c45d1b3a323f1433bd6'],
    [
      'testnet',
      'tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7',
      '00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262',
    ],
    [
      'bitcoin',
      'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0',
      '512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    ],
    ['bitcoin', 'bc1sw50qgdz25j', '6002751e'],
    ['bitcoin', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2', '76a91477bff20c60e522dfaa3350c39b030a5d004e839a88ac'],
    ['bitcoin', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 'a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87'],
  ];
  test.each(good)('%s %s', (network, address, script) => {
    expect(hex(scriptOfAddress(address, networkOf(network)))).toBe(script);
    expect(addressOfScript(unhex(script), networkOf(network))).toBe(address);
  });

  test.each([
    ['another network', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'],
    ['another network in base58', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2'],
    ['a wrong checksum', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt081'],
    ['nothing', ''],
    ['words', 'not an address'],
    ['a text of ten million characters', 'x'.repeat(10_000_000)],
    ['an invoice', 'lnbcrt1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqf'],
  ])('%s is refused', (_why, address) => {
    expect(() => scriptOfAddress(address, networkOf('regtest'))).toThrow('expected a regtest address');
  });

  test.each(['', '00', '6a0401020304', '0013'.padEnd(42, '0'), `0015${'00'.repeat(21)}`, `5121${'00'.repeat(32)}`])(
    'script %s has no address',
    (script) => expect(addressOfScript(unhex(script), networkOf('bitcoin'))).toBeUndefined(),
  );
});
