/** A datadir whose parts do not belong together: said in a sentence, and nothing in it changes. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backupKey, sealBackup } from '../../node/backup/format.ts';
import { systemEntropy } from '../../node/base/entropy.ts';
import { openLog } from '../../node/base/log.ts';
import { defaultLevels, LevelTable } from '../../node/base/loglevels.ts';
import { ChainError } from '../../node/chain/errors.ts';
import { loadPlaces, type Places } from '../../node/config/config.ts';
import { type DatadirFault, openDatadir } from '../../node/core/datadir.ts';
import { networkOf } from '../../node/ports/network.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { keysOf, type NodeKeys } from '../../node/wallet/keys.ts';
import { newMnemonic, seedOf } from '../../node/wallet/seed.ts';
import type { ChainName } from '../../wire/chains.ts';

let dir = '';
let records: Map<string, Uint8Array>;
let lines: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-datadir-'));
  records = new Map();
  lines = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const placesOn = (network: ChainName): Places =>
  loadPlaces({ flags: { dir, network }, env: {}, read: () => undefined });
const open = async (network: ChainName = 'regtest', hooks = {}, checkChain = async () => {}) => {
  const config = placesOn(network);
  await mkdir(config.networkDir, { recursive: true });
  // The node's own log, which hides fields with the name of a secret.
  const out = { write: (line: string) => void lines.push(line) };
  const log = openLog({ levels: new LevelTable(defaultLevels), form: 'json', colour: false, out });
  return openDatadir({ config, store: memoryStore(records), entropy: systemEntropy, hooks, log, checkChain });
};
const place = (name: string): string => join(dir, 'regtest', name);
const ofStranger = async (): Promise<NodeKeys> => keysOf(seedOf(newMnemonic(systemEntropy)), 1);
/** A node that has kept something. */
const used = async (): Promise<NodeKeys> => {
  const { keys } = await open();
  records.set('pay/1', Uint8Array.of(1));
  return keys;
};
const emptyBackup = (keys: NodeKeys, network: ChainName = 'regtest'): Uint8Array =>
  sealBackup({ time: 0, addresses: [0, 0], channels: [] }, backupKey(keys, networkOf(network)), systemEntropy);

/** What is there, files and records, to see that nothing becomes of it. */
const all = async () => ({
  files: Object.fromEntries(
    await Promise.all(
      (await readdir(join(dir, 'regtest')))
        .sort()
        .map(async (name) => [name, (await readFile(place(name))).toString('hex')]),
    ),
  ),
  records: new Map(records),
});
const refused = async (code: DatadirFault['code'], words: string) => {
  const before = await all();
  const opened = open();
  await expect(opened).rejects.toMatchObject({ fault: { code } });
  await expect(opened).rejects.toThrow(words);
  expect(await all()).toEqual(before);
};

test('a new seed is announced once with where it is and what to do with it, and none of its words', async () => {
  await open();
  const words = await readFile(place('seed'), 'utf8');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('a new seed was made: copy this file');
  expect(lines[0]).toContain(place('seed'));
  // Single words of it may be words of the sentence.
  expect(lines[0]).not.toContain(words.trim().split(' ').slice(0, 2).join(' '));
  await open();
  records = new Map();
  await open('testnet', { seed: new Uint8Array(64).fill(1) });
  expect(lines).toHaveLength(1);
});

test('for the chain of another network no seed is made, and later one that is as new as its store', async () => {
  const refused = async (): Promise<void> => {
    throw new ChainError({ code: 'wrong_network', expected: 'regtest', found: 'signet' });
  };
  await expect(open('regtest', {}, refused)).rejects.toThrow('bitcoind runs on signet');
  expect([await readdir(join(dir, 'regtest')), records.size]).toEqual([[], 0]);
  expect((await open()).fresh).toBe(true);
  // What is there is of use without any chain.
  expect((await open('regtest', {}, refused)).fresh).toBe(true);
});

describe('what belongs together', () => {
  test('is made where there is nothing, and taken up again', async () => {
    const first = await open();
    expect(first.fresh).toBe(true);
    const again = await open();
    expect(again.keys.nodeId).toEqual(first.keys.nodeId);
  });

  test('is a seed that is as new as its store, also at a later start; beside another store nobody knows that', async () => {
    await open();
    expect((await open()).fresh).toBe(true);
    records.clear();
    expect((await open()).fresh).toBe(false);
    expect((await open()).fresh).toBe(false);
  });

  test('is a store from before it noted whose it is', async () => {
    const keys = await used();
    records.delete('meta/node');
    expect((await open()).keys.nodeId).toEqual(keys.nodeId);
    expect(records.get('meta/node')).toEqual(keys.nodeId);
  });

  test('is a seed that came to the disk when its node died before it kept anything', async () => {
    const { keys } = await open();
    records.clear();
    expect((await open()).keys.nodeId).toEqual(keys.nodeId);
  });

  test('is a backup without channels beside a new store', async () => {
    const keys = await used();
    records.clear();
    await writeFile(place('channels.backup'), emptyBackup(keys));
    expect((await open()).keys.nodeId).toEqual(keys.nodeId);
  });
});

describe('what does not', () => {
  test.each([
    ['a store', () => undefined, 'store'],
    ['a store that does not know its node', () => records.delete('meta/node'), 'store'],
    [
      'a backup',
      async () => {
        await writeFile(place('channels.backup'), emptyBackup(await ofStranger()));
        records.clear();
      },
      'channels.backup',
    ],
  ])('%s without a seed: none is made', async (_, arrange, beside) => {
    await used();
    await arrange();
    await rm(place('seed'));
    await refused('seed_missing', `${place('seed')} is missing, but ${place(beside)} is there`);
  });

  test('the seed of another node', async () => {
    await used();
    await writeFile(place('seed'), newMnemonic(systemEntropy));
    await refused('other_node', 'use the seed and the store of one node');
  });

  test.each(['a new', 'a used'])('the backup of another node beside %s store', async (kind) => {
    await used();
    if (kind === 'a new') records.clear();
    await writeFile(place('channels.backup'), emptyBackup(await ofStranger()));
    await refused('other_backup', 'seed_id: the backup was made by a node with another seed');
  });

  test('a backup of the node on another network', async () => {
    await writeFile(place('channels.backup'), emptyBackup(await used(), 'signet'));
    await refused('other_backup', 'chain_hash: the backup is of a node on signet');
  });

  test('a file in the place of the backup that is something else', async () => {
    await used();
    await writeFile(place('channels.backup'), 'a letter');
    await refused('other_backup', 'the file is no channel backup');
  });

  test('a damaged backup beside a new store, while a used one goes on without it', async () => {
    const keys = await used();
    await writeFile(place('channels.backup'), emptyBackup(keys).subarray(0, -1));
    expect((await open()).keys.nodeId).toEqual(keys.nodeId);
    records.clear();
    await refused('other_backup', 'the backup is damaged');
  });

  test('a store of another network, whatever the seed', async () => {
    await used();
    await expect(open('signet')).rejects.toMatchObject({ fault: { code: 'other_network' } });
    expect(await readdir(join(dir, 'signet'))).toEqual([]);
  });
});

test('where an experiment forces the seed there need be no file, but the store is still one node’s', async () => {
  const seed = new Uint8Array(64).fill(1);
  const { keys } = await open('regtest', { seed });
  expect((await open('regtest', { seed })).keys.nodeId).toEqual(keys.nodeId);
  await expect(open('regtest', { seed: new Uint8Array(64).fill(2) })).rejects.toMatchObject({
    fault: { code: 'other_node' },
  });
});
