/** The first save that fails ends the node, whoever wanted it and whatever it was told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StoreError } from '../../node/store/errors.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { watchedStore } from '../../node/store/watchedstore.ts';
import { type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { memoryLog } from '../support/peers.ts';

let dir = '';
let ground: Ground;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-door-'));
  ground = await newGround();
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A disk that is full from some moment on. */
const disk = (records = new Map<string, Uint8Array>(), full = false) => {
  const state = { full };
  const store = memoryStore(records, async () => {
    if (state.full) throw new Error('no space left on device');
  });
  return {
    store,
    fill: () => {
      state.full = true;
    },
  };
};

const saves: readonly (readonly [string, (node: LocalNode, peer: LocalNode) => Promise<unknown>])[] = [
  ['an address', (node) => node.call('newaddr', {})],
  ['an invoice', (node) => node.call('invoice', { amount_msat: 1000n, label: 'l', description: 'd' })],
  [
    'where a peer was reached',
    (node, peer) => node.call('connect', { id: peer.id, host: '127.0.0.1', port: peer.node.peers.address?.port ?? 0 }),
  ],
  [
    'a block',
    async () => {
      ground.mine(1);
    },
  ],
];

describe('a disk that is full when the node wants to keep', () => {
  test.each(saves)('%s', async (what, save) => {
    const { store, fill } = disk();
    let told: (error: unknown) => void = () => undefined;
    const failure = new Promise<unknown>((resolve) => {
      told = resolve;
    });
    const peer = await startLocal({ dir: join(dir, `${what} peer`), ground, log: memoryLog([]) });
    const node = await startLocal({ dir: join(dir, what), ground, log: memoryLog([]), store, broke: told });
    const passed: string[] = [];
    fill();
    const caller = save(node, peer).catch((error: unknown) => error);
    expect(await failure).toMatchObject({ fault: { code: 'write_failed', reason: 'no space left on device' } });
    await caller;
    // From then on nothing leaves the node.
    node.node.gate.afterSaved(() => passed.push('a message'));
    expect(passed).toEqual([]);
    await node.stop();
    await peer.stop();
  });
});

test('a store that its node has closed is no failure', async () => {
  const told: unknown[] = [];
  const store = watchedStore(memoryStore(), (error) => told.push(error));
  await store.close();
  await expect(store.commit([{ key: 'k', value: undefined }])).rejects.toThrow(StoreError);
  expect(told).toEqual([]);
});

test('a node whose disk is full already comes up no further, and can be ended', async () => {
  const records = new Map<string, Uint8Array>();
  const options = { dir: join(dir, 'up'), ground, log: memoryLog([]) };
  const before = await startLocal({ ...options, store: disk(records).store });
  await before.stop();
  ground.mine(1);
  const told: unknown[] = [];
  const again = await startLocal({ ...options, store: disk(records, true).store, broke: (error) => told.push(error) });
  await again.stop();
  expect(told).toMatchObject([{ fault: { code: 'write_failed' } }]);
});
