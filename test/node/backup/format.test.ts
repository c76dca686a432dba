/** Backup files: what comes back of them, and what is refused, by which field. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StaticChannel } from '../../../channel/model/state.ts';
import { BackupError } from '../../../node/backup/errors.ts';
import { backupKey, type Contents, isBackup, openBackup, sealBackup } from '../../../node/backup/format.ts';
import { systemEntropy } from '../../../node/base/entropy.ts';
import { networkOf } from '../../../node/ports/network.ts';
import { keysOf } from '../../../node/wallet/keys.ts';
import { concat, hex } from '../../../wire/bytes.ts';
import { coreOf, ready } from '../../channel/pair.ts';

const seed = new Uint8Array(32).fill(7);
const regtest = networkOf('regtest');
const key = backupKey(keysOf(seed, 1), regtest);

const { a, b } = ready();
const channels: readonly StaticChannel[] = [a, b].map((side) => {
  const { params, funding } = coreOf(side);
  return { params, funding };
});

const address = fc.record({
  host: fc.string({ minLength: 1, maxLength: 60 }),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const contents: fc.Arbitrary<Contents> = fc.record({
  time: fc.integer({ min: 0, max: 2 ** 40 }),
  addresses: fc.tuple(fc.nat(1_000_000), fc.nat(1_000_000)),
  channels: fc.array(
    fc
      .record({ channel: fc.constantFrom(...channels), addresses: fc.array(address, { maxLength: 4 }) })
      .map(({ channel, addresses }) => ({ ...channel, addresses })),
    { maxLength: 5 },
  ),
});
const one: Contents = {
  time: 1_700_000_000,
  addresses: [3, 1],
  channels: channels.map((channel) => ({ ...channel, addresses: [{ host: '127.0.0.1', port: 9735 }] })),
};
const sealed = sealBackup(one, key, systemEntropy);

const fault = (file: Uint8Array, by = key): string => {
  try {
    openBackup(file, by);
  } catch (error) {
    if (error instanceof BackupError) return error.fault.code;
    throw error;
  }
  return 'opened';
};
const message = (file: Uint8Array, by = key): string => {
  try {
    openBackup(file, by);
  } catch (error) {
    return (error as Error).message;
  }
  return 'opened';
};

test('any contents of a backup are read back', () => {
  fc.assert(
    fc.property(contents, (wanted) => {
      expect(openBackup(sealBackup(wanted, key, systemEntropy), key)).toEqual(wanted);
    }),
    { numRuns: 50 },
  );
});

test('two backups with the same contents are encrypted differently', () => {
  const again = sealBackup(one, key, systemEntropy);
  expect(again.subarray(0, 49)).toEqual(sealed.subarray(0, 49));
  expect(hex(again.subarray(49, 61))).not.toBe(hex(sealed.subarray(49, 61)));
  const same = again.subarray(61).filter((byte, i) => byte === sealed[61 + i]).length;
  expect(same).toBeLessThan(again.length / 50);
});

test('a backup has no secret and no peer in clear text', () => {
  const file = hex(sealed);
  for (const { params } of channels)
    for (const part of [params.seed, params.peer, params.local.basepoints.payment, params.shutdownScript])
      expect(file).not.toContain(hex(part));
  expect(file).not.toContain(hex(key.key));
});

test('a backup with any byte changed is refused', () => {
  for (let at = 0; at < sealed.length; at++) {
    const file = Uint8Array.from(sealed);
    file[at] = (file[at] ?? 0) ^ (1 << (at % 8));
    expect(fault(file), `byte ${at}`).not.toBe('opened');
  }
});

describe('refused, naming the field', () => {
  const version = (n: number) => Uint8Array.from(sealed, (byte, at) => (at === 8 ? n : byte));
  const rows: readonly (readonly [claim: string, file: Uint8Array, by: typeof key, code: string, text: string])[] = [
    ['something else', new Uint8Array(200), key, 'no_backup', 'magic: the file is no channel backup'],
    ['nothing', new Uint8Array(), key, 'no_backup', 'magic: the file is no channel backup'],
    [
      'one that ends early',
      sealed.subarray(0, 60),
      key,
      'damaged',
      'the backup is damaged: the file ends after 60 bytes',
    ],
    ['one cut off', sealed.subarray(0, sealed.length - 1), key, 'damaged', 'its contents were changed'],
    ['one with more behind it', concat(sealed, Uint8Array.of(0)), key, 'damaged', 'its contents were changed'],
    [
      'of a later version',
      version(2),
      key,
      'newer_version',
      'version: the backup is of version 2, this node knows up to 1',
    ],
    ['of a version there never was', version(0), key, 'damaged', 'version: there never was a version 0'],
    [
      'of another network',
      sealBackup(one, backupKey(keysOf(seed, 1), networkOf('signet')), systemEntropy),
      key,
      'other_network',
      'chain_hash: the backup is of a node on signet, this one is on regtest',
    ],
    [
      'of another seed',
      sealed,
      backupKey(keysOf(new Uint8Array(32).fill(8), 1), regtest),
      'other_seed',
      'seed_id: the backup was made by a node with another seed',
    ],
  ];
  test.each(rows)('a backup is refused, naming the field: %s', (_, file, by, code, text) => {
    expect(fault(file, by)).toBe(code);
    expect(message(file, by)).toContain(text);
  });

  test('a backup with invalid contents, which only a bug could write, is refused', () => {
    const [first] = one.channels;
    if (first === undefined) throw new Error('no channel');
    const odd = { ...one, channels: [{ ...first, params: { ...first.params, role: 'nobody' as 'funder' } }] };
    expect(() => sealBackup(odd, key, systemEntropy)).toThrow();
  });
});

test('a backup of any node is recognized as a backup', () => {
  expect(isBackup(sealed)).toBe(true);
  expect(isBackup(sealed.subarray(0, 7))).toBe(false);
  expect(isBackup(new TextEncoder().encode('ampere is not enough'))).toBe(false);
});
