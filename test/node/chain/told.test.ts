/** What the owner of a watch knows after a crash between a block and the word about it, and how deep a coinbase must be. */
import { expect, test } from 'vitest';
import { Follower } from '../../../node/chain/follower.ts';
import { Watcher } from '../../../node/chain/watcher.ts';
import type { Watch } from '../../../node/chain/watchrules.ts';
import { chainTx, fakeChain, payment, stranger } from '../../support/chain.ts';
import { dyingStore } from '../../support/dying.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

const script = Uint8Array.of(0, 20, ...new Uint8Array(20));
const funding = payment([stranger(1)], [{ script, amount: 1000n }]);
const { txid } = chainTx(funding);
const spending = payment([{ txid, vout: 0 }], [{ script, amount: 900n }]);
const deep: Watch = { wait: 'depth', id: 'funding', since: 0, txid, depth: 1 };
const spent: Watch = { wait: 'spend', id: 'spend', since: 0, outpoint: { txid, vout: 0 } };

/** A process with these watches. */
const started = async (records: Map<string, Uint8Array>, chain = fakeChain()) => {
  const heard: string[] = [];
  const disk = dyingStore(records);
  const { store } = disk;
  const watcher = await Watcher.open(chain, store);
  watcher.subscribe(({ notice, id }) => void heard.push(`${notice} ${id}`));
  const follower = new Follower({ chain, store, clock: heldClock(), log: keptLog(), birth: 0, listeners: [watcher] });
  await follower.start((error) => {
    throw error;
  });
  const at = (height: number) => until(() => follower.top.height === height);
  return { watcher, follower, heard, disk, at, watch: (...all: Watch[]) => watcher.watchAll(all, follower) };
};

test('a reorg that was stored but not reported before a crash is reported when its watch is set again', async () => {
  const records = new Map<string, Uint8Array>();
  const chain = fakeChain();
  const first = await started(records, chain);
  first.disk.dieAfter((keys) => keys.some((key) => key.startsWith('-chain/block/')));
  await first.watch(deep, spent);
  chain.mine(funding, spending);
  await first.at(1);
  expect(first.heard.splice(0)).toEqual(['confirmed funding', 'spent spend']);
  chain.drop(1);
  await until(() => first.disk.dead);
  expect(first.heard).toEqual([]);

  const second = await started(records, chain);
  await second.watch(deep, spent);
  expect(second.heard).toEqual(['unconfirmed funding', 'unspent spend']);
  await second.follower.stop();
});

test('a block that was stored but not reported before a crash is reported when its watch is set again', async () => {
  const records = new Map<string, Uint8Array>();
  const chain = fakeChain();
  const first = await started(records, chain);
  first.disk.dieAfter((keys) => keys.some((key) => key.startsWith('+chain/block/0000000001')));
  await first.watch(deep, spent);
  chain.mine(funding, spending);
  await until(() => first.disk.dead);
  expect(first.heard).toEqual([]);

  const second = await started(records, chain);
  await second.watch(deep, spent);
  expect(second.heard).toEqual(['confirmed funding', 'spent spend']);
  await second.follower.stop();
});

test('a new watch reports nothing before its transaction is in a block', async () => {
  const { watch, heard, follower } = await started(new Map());
  await watch(deep, spent);
  expect(heard).toEqual([]);
  await follower.stop();
});

test('a coinbase is reported at depth 100 at the earliest, and deeper where that was asked for', async () => {
  const chain = fakeChain();
  const { watch, heard, at, follower } = await started(new Map(), chain);
  chain.mine();
  const coinbase = chain.blocks[1]?.transactions[0]?.txid;
  if (coinbase === undefined) throw new Error('no coinbase');
  await watch({ ...deep, txid: coinbase }, { ...deep, id: 'deeper', txid: coinbase, depth: 101 });
  for (let i = 2; i < 100; i++) chain.mine();
  await at(99);
  expect(heard).toEqual([]);
  chain.mine();
  await at(100);
  await until(() => heard.length > 0);
  expect(heard).toEqual(['confirmed funding']);
  chain.mine();
  await at(101);
  await until(() => heard.length > 1);
  expect(heard).toEqual(['confirmed funding', 'confirmed deeper']);
  await follower.stop();
});
