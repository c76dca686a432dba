/** Many watches that begin at once, as those of a commitment with hundreds of outputs do. */
import { expect, test } from 'vitest';
import { Follower } from '../../../node/chain/follower.ts';
import { Watcher } from '../../../node/chain/watcher.ts';
import type { Notice, Watch } from '../../../node/chain/watchrules.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { chainTx, fakeChain, payment, stranger } from '../../support/chain.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

const script = Uint8Array.of(0, 20, ...new Uint8Array(20));
const funding = payment([stranger(1)], [{ script, amount: 1000n }]);
const { txid } = chainTx(funding);
const spending = payment([{ txid, vout: 0 }], [{ script, amount: 900n }]);

test('read each block once, look back as far as each asked, and are kept together', async () => {
  const chain = fakeChain();
  chain.mine(funding);
  chain.mine(spending);
  chain.mine();
  const commits: number[] = [];
  const store = memoryStore(new Map(), async (changes) => void commits.push(changes.length));
  const heard: string[] = [];
  const watcher = await Watcher.open(chain, store);
  watcher.subscribe((notice: Notice) => {
    heard.push(`${notice.notice} ${notice.id}${'at' in notice ? ` ${notice.at.height}` : ''}`);
  });
  const follower = new Follower({ chain, store, clock: heldClock(), log: keptLog(), birth: 0, listeners: [watcher] });
  await follower.start((error) => {
    throw error;
  });
  await until(() => follower.top.height === 3);
  const read: string[] = [];
  const { block } = chain;
  Object.assign(chain, {
    block: (hash: string) => {
      read.push(hash);
      return block(hash);
    },
  });
  const deep: Watch = { wait: 'depth', id: 'deep', since: 0, txid, depth: 3 };
  const spent = (id: string, since: number): Watch => ({ wait: 'spend', id, since, outpoint: { txid, vout: 0 } });
  commits.length = 0;
  await watcher.watchAll([deep, spent('a', 0), spent('late', 3), spent('b', 2)], follower);
  expect(heard).toEqual(['confirmed deep 1', 'spent a 2', 'spent b 2']);
  expect(read).toEqual([3, 2, 1].map((height) => chain.blocks[height]?.hash));
  expect(commits).toEqual([4]);
  await watcher.watchAll([spent('a', 0), spent('late', 3)], follower);
  expect(heard.slice(3)).toEqual(['spent a 2', 'unspent late']);
  expect(read).toHaveLength(3);
  await follower.stop();
});
