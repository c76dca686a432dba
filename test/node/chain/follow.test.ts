/** Following a chain that switches branches, goes away and comes back; and watching what happens on it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChainFault } from '../../../node/chain/errors.ts';
import { type ChainListener, Follower } from '../../../node/chain/follower.ts';
import { Watcher } from '../../../node/chain/watcher.ts';
import type { Notice, Watch } from '../../../node/chain/watchrules.ts';
import type { ChainEvent, Store } from '../../../node/ports/ports.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { chainTx, type FakeChain, fakeChain, payment, stranger } from '../../support/chain.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

const unreachable: ChainFault = { code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' };

/** A listener that replays what it is told, and fails the moment that does not spell a branch. */
const replay = () => {
  const told: string[] = [];
  const branch: string[] = [];
  const listener: ChainListener = {
    apply: (event: ChainEvent) => {
      if (event.event === 'connected') {
        const { block } = event;
        if (branch.length > 0) expect(block.previous).toBe(branch.at(-1));
        branch.push(block.hash);
        told.push(`+${block.height}`);
      } else {
        expect(branch.pop()).toBe(event.hash);
        told.push(`-${event.height}`);
      }
      return [{ key: 'replay', value: utf8(branch.join()) }];
    },
  };
  return { told, branch, listener };
};

interface Setup {
  readonly chain: FakeChain;
  readonly store: Store;
  readonly listeners?: readonly ChainListener[];
  readonly birth?: number | 'tip';
}

const following = async ({ chain, store, listeners = [], birth = 0 }: Setup) => {
  const clock = heldClock();
  const log = keptLog();
  const failures: unknown[] = [];
  const follower = new Follower({ chain, store, clock, log, birth, listeners });
  await follower.start((error) => void failures.push(error));
  // Several turns in a row, so that no answer from before the chain's last change is still under way.
  const caughtUp = () => {
    let turns = 0;
    return until(() => {
      turns = follower.top.hash === chain.blocks.at(-1)?.hash ? turns + 1 : 0;
      return turns > 5;
    });
  };
  return { follower, clock, log, failures, caughtUp };
};

describe('follower', () => {
  test('applies the blocks above its birth height, then each new one', async () => {
    const chain = fakeChain();
    for (let i = 0; i < 5; i++) chain.mine();
    const { told, listener } = replay();
    const { follower, caughtUp } = await following({ chain, store: memoryStore(), listeners: [listener], birth: 3 });
    await caughtUp();
    chain.mine();
    await caughtUp();
    expect(told).toEqual(['+4', '+5', '+6']);
    await follower.stop();
  });

  test('a new node that begins at the tip applies no earlier block', async () => {
    const chain = fakeChain();
    chain.mine();
    const { told, listener } = replay();
    const { follower, caughtUp } = await following({
      chain,
      store: memoryStore(),
      listeners: [listener],
      birth: 'tip',
    });
    chain.mine();
    await caughtUp();
    expect(told).toEqual(['+2']);
    await follower.stop();
  });

  test('a reorg disconnects blocks from the top before it connects others', async () => {
    const chain = fakeChain();
    for (let i = 0; i < 4; i++) chain.mine();
    const { told, listener } = replay();
    const { follower, caughtUp } = await following({ chain, store: memoryStore(), listeners: [listener] });
    await caughtUp();
    chain.drop(2);
    await caughtUp();
    for (let i = 0; i < 3; i++) chain.mine();
    await caughtUp();
    expect(told.slice(4)).toEqual(['-4', '-3', '+3', '+4', '+5']);
    await follower.stop();
  });

  test('after a restart it goes on where it stopped, even if a reorg removed its branch meanwhile', async () => {
    const chain = fakeChain();
    const records = new Map<string, Uint8Array>();
    for (let i = 0; i < 4; i++) chain.mine();
    const { told, listener } = replay();
    const first = await following({ chain, store: memoryStore(records), listeners: [listener] });
    await first.caughtUp();
    await first.follower.stop();
    chain.drop(3);
    chain.mine();
    chain.mine();
    const second = await following({ chain, store: memoryStore(records), listeners: [listener] });
    await second.caughtUp();
    expect(told).toEqual(['+1', '+2', '+3', '+4', '-4', '-3', '-2', '+2', '+3']);
    await second.follower.stop();
  });

  test('the changes of listeners and the cursor are one commit', async () => {
    const chain = fakeChain();
    const commits: string[][] = [];
    const store = memoryStore(new Map(), async (changes) => void commits.push(changes.map(({ key }) => key)));
    const { listener } = replay();
    const { follower, caughtUp } = await following({ chain, store, listeners: [listener] });
    chain.mine();
    await caughtUp();
    expect(commits.slice(1)).toEqual([['chain/block/0000000001', 'replay']]);
    await follower.stop();
  });

  test('a chain that does not answer is retried with one log line, and then followed again', async () => {
    const chain = fakeChain();
    const { told, listener } = replay();
    const { follower, clock, log, caughtUp } = await following({ chain, store: memoryStore(), listeners: [listener] });
    chain.fail(unreachable);
    chain.mine();
    for (let i = 0; i < 4; i++) {
      await until(() => clock.waiting > 0);
      clock.pass(10_000);
    }
    await until(() => clock.waiting > 0);
    chain.fail(undefined);
    clock.pass(10_000);
    await caughtUp();
    expect(told).toEqual(['+1']);
    expect(log.lines).toEqual([
      'warn: no answer from bitcoind at here: ECONNREFUSED; retrying until it answers',
      'info: the chain answers again',
    ]);
    await follower.stop();
  });

  test('a chain that does not answer at the start is waited for, until the follower is stopped', async () => {
    const chain = fakeChain();
    chain.fail(unreachable);
    const clock = heldClock();
    const follower = new Follower({ chain, store: memoryStore(), clock, log: keptLog(), birth: 'tip', listeners: [] });
    const start = follower.start(() => undefined);
    await until(() => clock.waiting > 0);
    await follower.stop();
    await expect(start).rejects.toMatchObject({ fault: { code: 'closed' } });
  });

  test('an error at the start that is not retriable ends the follower before it has caught up', async () => {
    const chain = fakeChain();
    chain.mine();
    const applied = () => chain.fail({ code: 'unauthorized', where: 'here', hint: 'wrong password' });
    const { failures } = await following({ chain, store: memoryStore(), listeners: [{ apply: () => [], applied }] });
    await until(() => failures.length > 0);
    expect(failures[0]).toMatchObject({ fault: { code: 'unauthorized' } });
  });
  test('a damaged cursor is a StoreError that names the record', async () => {
    const store = memoryStore(new Map([['chain/block/0000000001', utf8('short')]]));
    await expect(following({ chain: fakeChain(), store })).rejects.toMatchObject({
      fault: { code: 'corrupt', key: 'chain/block/0000000001' },
    });
  });

  test('whatever the chain does, the events replayed give its branch', async () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('mine' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('drop' as const), count: fc.integer({ min: 1, max: 6 }) }),
      fc.constant({ do: 'pause' as const, count: 0 }),
      fc.constant({ do: 'restart' as const, count: 0 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
        const chain = fakeChain();
        const records = new Map<string, Uint8Array>();
        const { branch, listener } = replay();
        const start = () => following({ chain, store: memoryStore(records), listeners: [listener] });
        let running = await start();
        for (const { do: what, count } of actions) {
          if (what === 'drop') chain.drop(count);
          for (let i = 0; what === 'mine' && i < count; i++) chain.mine();
          if (what === 'pause') await running.caughtUp();
          if (what !== 'restart') continue;
          await running.follower.stop();
          running = await start();
        }
        await running.caughtUp();
        await running.follower.stop();
        expect(branch).toEqual(chain.blocks.slice(1).map(({ hash }) => hash));
      }),
      { numRuns: 100 },
    );
  });
});

describe('watches', () => {
  const script = Uint8Array.of(0, 20, ...new Uint8Array(20));
  const funding = payment([stranger(1)], [{ script, amount: 1000n }]);
  const { txid } = chainTx(funding);
  const spending = payment([{ txid, vout: 0 }], [{ script, amount: 900n }]);
  const depth3: Watch = { wait: 'depth', id: 'a/funding', since: 0, txid, depth: 3 };
  const spent: Watch = { wait: 'spend', id: 'a/spent', since: 0, outpoint: { txid, vout: 0 } };

  const watching = async (chain: FakeChain, records = new Map<string, Uint8Array>()) => {
    const store = memoryStore(records);
    const heard: string[] = [];
    const hear = (notice: Notice) => {
      const at = 'at' in notice ? ` ${notice.at.height}.${notice.at.txIndex}` : '';
      heard.push(`${notice.notice} ${notice.id}${at}`);
    };
    const watcher = await Watcher.open(chain, store);
    watcher.subscribe(hear);
    const { follower, caughtUp } = await following({ chain, store, listeners: [watcher] });
    await caughtUp();
    return { watcher, follower, caughtUp, heard, watch: (watch: Watch) => watcher.watch(watch, follower) };
  };

  test('a watched transaction gets a notice at its depth, with its position in the block', async () => {
    const chain = fakeChain();
    const { watch, follower, caughtUp, heard } = await watching(chain);
    await watch(depth3);
    chain.mine(payment([stranger(2)], []), funding);
    chain.mine();
    await caughtUp();
    expect(heard).toEqual([]);
    chain.mine();
    chain.mine();
    await caughtUp();
    expect(heard).toEqual(['confirmed a/funding 1.2']);
    await follower.stop();
  });

  test('what happened before a watch was set is found by a rescan', async () => {
    const chain = fakeChain();
    chain.mine(funding);
    chain.mine(spending);
    chain.mine();
    const { watch, follower, heard } = await watching(chain);
    await watch(depth3);
    await watch(spent);
    await watch({ ...spent, id: 'late', since: 3 });
    expect(heard).toEqual(['confirmed a/funding 1.1', 'spent a/spent 2.1']);
    await follower.stop();
  });

  test('a reorg undoes a notice, and the new branch gives it again', async () => {
    const chain = fakeChain();
    const { watch, follower, caughtUp, heard } = await watching(chain);
    await watch({ ...depth3, depth: 1 });
    await watch(spent);
    chain.mine(funding);
    chain.mine(spending);
    await caughtUp();
    chain.drop(2);
    await caughtUp();
    chain.mine();
    chain.mine(funding, spending);
    await caughtUp();
    expect(heard).toEqual([
      'confirmed a/funding 1.1',
      'spent a/spent 2.1',
      'unspent a/spent',
      'unconfirmed a/funding',
      'confirmed a/funding 2.1',
      'spent a/spent 2.2',
    ]);
    await follower.stop();
  });

  test('after a restart a watch that is set again gets its last notice without a rescan', async () => {
    const chain = fakeChain();
    const records = new Map<string, Uint8Array>();
    const first = await watching(chain, records);
    await first.watch({ ...depth3, depth: 2 });
    await first.watch(spent);
    chain.mine(funding);
    chain.mine();
    await first.caughtUp();
    await first.follower.stop();
    chain.mine(spending);
    const second = await watching(chain, records);
    await second.caughtUp();
    expect(second.heard).toEqual(['spent a/spent 3.1']);
    await second.watch({ ...depth3, depth: 2 });
    await second.watch(spent);
    expect(second.heard.slice(1)).toEqual(['confirmed a/funding 1.1', 'spent a/spent 3.1']);
    await second.watcher.unwatch(['a/funding', 'a/spent', 'unknown']);
    expect([...records.keys()].filter((key) => key.startsWith('chain/watch/'))).toEqual([]);
    await second.follower.stop();
  });

  test('a handler of a notice may set a watch and wait for it', async () => {
    const chain = fakeChain();
    const store = memoryStore();
    const heard: string[] = [];
    const parts: { follower?: Follower } = {};
    const watcher = await Watcher.open(chain, store);
    watcher.subscribe(async (notice) => {
      heard.push(notice.notice);
      if (notice.notice === 'confirmed' && parts.follower !== undefined) await watcher.watch(spent, parts.follower);
    });
    const { follower, caughtUp } = await following({ chain, store, listeners: [watcher] });
    parts.follower = follower;
    await watcher.watch({ ...depth3, depth: 1 }, follower);
    chain.mine(funding, spending);
    await caughtUp();
    await until(() => heard.length > 1);
    expect(heard).toEqual(['confirmed', 'spent']);
    await follower.stop();
  });

  test('a watch set while the follower stops is not stored', async () => {
    const chain = fakeChain();
    chain.mine(funding);
    const { watch, follower, heard } = await watching(chain);
    await follower.stop();
    await watch({ ...depth3, depth: 1 });
    expect(heard).toEqual([]);
  });

  test('a damaged watch record is an error that names it', async () => {
    const records = new Map([['chain/watch/x', utf8('?')]]);
    await expect(watching(fakeChain(), records)).rejects.toMatchObject({
      fault: { code: 'corrupt', key: 'chain/watch/x' },
    });
  });
});
