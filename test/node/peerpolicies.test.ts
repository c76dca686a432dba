/** What peers ask for HTLCs over their channels with us: kept over a restart, bounded, and written seldom. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Policy } from '../../node/graph/graph.ts';
import { PeerPolicies } from '../../node/graph/peerpolicies.ts';
import { memoryStore } from '../../node/store/memory.ts';
import type { Change } from '../../wire/change.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { idOf } from '../support/graph.ts';
import { newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

const policy = (change: Partial<Policy> = {}): Policy => ({
  ...{ timestamp: 1_700_000_000, cltvExpiryDelta: 40, htlcMinimum: msat(1n), htlcMaximum: msat(1_000_000n) },
  ...{ feeBase: msat(1000n), feeProportional: 10, disabled: false, checksum: 7 },
  ...change,
});
const scid = (n: number) => shortChannelId(BigInt(n));
const [peer, other] = [idOf('peer'), idOf('other')];

/** The policies of a node, those again after a restart on the same disk, and every write. `pass` lets the time until a write pass. */
const policiesOn = async (disk = memoryStore()) => {
  const writes: (readonly Change[])[] = [];
  const waiting: (() => void)[] = [];
  const policies = new PeerPolicies({
    keep: (changes) => {
      writes.push(changes);
      return disk.commit(changes);
    },
    later: (_, run) => void waiting.push(run),
  });
  await policies.load(disk);
  const pass = async (): Promise<void> => {
    for (const run of waiting.splice(0)) run();
    // The store has taken what was written before.
    await disk.commit([]);
  };
  return { policies, writes, pass, restarted: async () => (await policiesOn(disk)).policies };
};

test('a policy that a peer told once is known after a restart, every field of it', async () => {
  const { policies, pass, restarted } = await policiesOn();
  const told = policy({ disabled: true, htlcMaximum: msat(2n ** 63n), checksum: 0xffff_ffff });
  policies.set(peer, scid(5), told);
  await pass();
  expect((await restarted()).get(peer, scid(5))).toEqual(told);
  expect((await restarted()).get(other, scid(5))).toBeUndefined();
});

test('policies told in a burst are one write, of the last of each channel; the same at a later time is none', async () => {
  const { policies, writes, pass, restarted } = await policiesOn();
  for (let i = 0; i < 100; i++) policies.set(peer, scid(i % 2), policy({ timestamp: i, checksum: i }));
  await pass();
  expect(writes.map((changes) => changes.length)).toEqual([2]);
  expect((await restarted()).get(peer, scid(1))?.checksum).toBe(99);
  policies.set(peer, scid(1), policy({ timestamp: 1000, checksum: 99 }));
  await pass();
  expect(writes).toHaveLength(1);
  expect(policies.get(peer, scid(1))?.timestamp).toBe(1000);
});

test('an older policy does not replace a later one', async () => {
  const { policies } = await policiesOn();
  policies.set(peer, scid(1), policy({ timestamp: 20, checksum: 1 }));
  policies.set(peer, scid(1), policy({ timestamp: 20, checksum: 2 }));
  policies.set(peer, scid(1), policy({ timestamp: 19, checksum: 3 }));
  expect(policies.get(peer, scid(1))?.checksum).toBe(1);
});

test('of a peer that tells policies under ever new ids the last 256 stay, in memory and on disk', async () => {
  const { policies, pass, restarted } = await policiesOn();
  policies.set(other, scid(0), policy());
  for (let i = 0; i < 300; i++) {
    policies.set(peer, scid(i), policy());
    if (i % 7 === 0) await pass();
  }
  await pass();
  for (const known of [policies, await restarted()]) {
    expect(Array.from({ length: 300 }, (_, i) => known.get(peer, scid(i))).filter(Boolean)).toHaveLength(256);
    expect(known.get(peer, scid(43))).toBeUndefined();
    expect(known.get(peer, scid(44))).toEqual(policy());
    expect(known.get(other, scid(0))).toEqual(policy());
  }
});

test('what a peer told is gone, on disk too, once no channel with it is left', async () => {
  const { policies, pass, restarted } = await policiesOn();
  policies.set(peer, scid(1), policy());
  await pass();
  policies.set(peer, scid(2), policy());
  policies.set(other, scid(3), policy());
  policies.forget(peer);
  await pass();
  const after = await restarted();
  expect([after.get(peer, scid(1)), after.get(peer, scid(2))]).toEqual([undefined, undefined]);
  expect(after.get(other, scid(3))).toEqual(policy());
});

test('what a node that ended at the wrong moment has left of a peer without a channel is gone after its next start', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-policies-'));
  const ground = await newGround();
  const records = new Map<string, Uint8Array>();
  const start = () => startLocal({ dir, ground, log: memoryLog([]), store: memoryStore(records) });
  await (await start()).stop();
  const { policies, pass } = await policiesOn(memoryStore(records));
  policies.set(peer, scid(1), policy());
  policies.set(other, scid(2), policy());
  await pass();
  const left = (): number => [...records.keys()].filter((key) => key.startsWith('graph/peer/')).length;
  expect(left()).toBe(2);
  const node = await start();
  await becomes('the records gone', () => left() === 0);
  await node.stop();
  await rm(dir, { recursive: true, force: true });
});
