/** A chain that ends below what a node has read, one that lost all the blocks that are remembered, and one that is another. */
import { describe, expect, test } from 'vitest';
import { Follower } from '../../../node/chain/follower.ts';
import type { ChainEvent, Store } from '../../../node/ports/ports.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { type FakeChain, fakeChain } from '../../support/chain.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

interface Setup {
  readonly chain: FakeChain;
  readonly store?: Store;
  readonly birth?: number | 'tip';
}

/** A follower and what it tells, such as +5 and -5. */
const following = async ({ chain, store = memoryStore(), birth = 0 }: Setup) => {
  const told: string[] = [];
  const apply = (event: ChainEvent) => {
    told.push(event.event === 'connected' ? `+${event.block.height}` : `-${event.height}`);
    return [];
  };
  const [clock, log, failures] = [heldClock(), keptLog(), [] as unknown[]];
  const follower = new Follower({ chain, store, clock, log, birth, listeners: [{ apply }] });
  await follower.start((error) => void failures.push(error));
  const reaches = (height: number) => until(() => follower.top.height === height && follower.isSynced());
  return { follower, told, clock, log, failures, reaches };
};

const grown = (blocks: number): FakeChain => {
  const chain = fakeChain();
  for (let i = 0; i < blocks; i++) chain.mine();
  return chain;
};

/** Enough turns of the loop for anything that is not waited for. */
const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
};

describe.each([
  ['a few blocks back', 4],
  ['below the block where the node began', 60],
])('a chain that is %s', (_, missing) => {
  test('is waited for: no block is disconnected, the height does not count as current, and the log says so once', async () => {
    const chain = grown(100);
    const { told, follower, log, failures, reaches } = await following({ chain, birth: 90 });
    await reaches(100);
    told.splice(0);
    const missed = chain.forget(missing);
    await until(() => follower.problem !== undefined);
    expect(follower.problem).toBe(
      `bitcoind's chain ends at block ${100 - missing}, below block 100 that this node has read`,
    );
    expect([follower.top.height, follower.isSynced()]).toEqual([100, false]);
    chain.take(missed.slice(0, 2));
    await until(() => follower.problem?.includes(`at block ${102 - missing},`) === true);
    chain.take(missed.slice(2));
    chain.mine();
    await reaches(101);
    expect([told, failures, follower.problem]).toEqual([['+101'], [], undefined]);
    expect(log.lines.map((line) => line.slice(0, 36))).toEqual([
      "warn: bitcoind's chain ends at block",
      'info: bitcoind has caught up with th',
    ]);
    await follower.stop();
  });

  test('is waited for at the start as well', async () => {
    const chain = grown(100);
    const store = memoryStore();
    const before = await following({ chain, store, birth: 90 });
    await before.reaches(100);
    await before.follower.stop();
    const missed = chain.forget(missing);
    const { follower, told, failures, reaches } = await following({ chain, store });
    await until(() => follower.problem !== undefined);
    await turns();
    expect([told, failures]).toEqual([[], []]);
    chain.take(missed);
    await reaches(100);
    expect(told).toEqual([]);
    await follower.stop();
  });
});

test('a chain that repeatedly ends below the node is logged once in ten minutes', async () => {
  const chain = grown(100);
  const { follower, clock, log, reaches } = await following({ chain, birth: 90 });
  await reaches(100);
  for (let i = 0; i < 10; i++) {
    const missed = chain.forget(2);
    await until(() => follower.problem !== undefined);
    chain.take(missed);
    await until(() => follower.problem === undefined);
  }
  chain.forget(2);
  await until(() => follower.problem !== undefined);
  await turns();
  expect(log.lines).toHaveLength(2);
  clock.pass(600_000);
  follower.isSynced();
  await until(() => log.lines.length > 2);
  await turns();
  expect(log.lines.map((line) => line.slice(0, 36))).toEqual([
    "warn: bitcoind's chain ends at block",
    'info: bitcoind has caught up with th',
    "warn: bitcoind's chain ends at block",
  ]);
  await follower.stop();
});

test('a chain that is shorter and different is a reorganization', async () => {
  const chain = grown(10);
  const { told, follower, reaches } = await following({ chain, birth: 8 });
  await reaches(10);
  told.splice(0);
  chain.forget(2);
  await until(() => follower.problem !== undefined);
  chain.mine();
  await until(() => follower.top.height === 9 && follower.isSynced());
  expect(told).toEqual(['-10', '-9', '+9']);
  expect(follower.problem).toBe(undefined);
  await follower.stop();
});

describe('where the first block that a node ever saw is reorganized out', () => {
  test('a node whose first block is reorganized disconnects down to the fork and connects the blocks from there on', async () => {
    const chain = grown(50);
    const store = memoryStore();
    const { told, follower, reaches } = await following({ chain, store, birth: 'tip' });
    await reaches(50);
    chain.drop(3);
    for (let i = 0; i < 5; i++) chain.mine();
    await reaches(52);
    expect(told).toEqual(['+48', '+49', '+50', '+51', '+52']);
    await follower.stop();
    // What was kept meanwhile is all that the next start needs.
    const again = await following({ chain, store });
    chain.mine();
    await again.reaches(53);
    expect(again.told).toEqual(['+53']);
    await again.follower.stop();
  });

  test('a node whose first block was reorganized restarts on a bitcoind that has never seen that block', async () => {
    const chain = grown(50);
    const store = memoryStore();
    const before = await following({ chain, store, birth: 'tip' });
    await before.reaches(50);
    await before.follower.stop();
    chain.forget(3);
    for (let i = 0; i < 5; i++) chain.mine();
    const { told, failures, follower, reaches } = await following({ chain, store });
    await reaches(52);
    expect([told.at(0), told.at(-1), failures]).toEqual(['+1', '+52', []]);
    await follower.stop();
  });
});

test('a chain that lost more than is remembered is followed back as long as it knows the old blocks', async () => {
  const chain = grown(400);
  const { told, follower, reaches } = await following({ chain });
  await reaches(400);
  told.splice(0);
  chain.drop(300);
  for (let i = 0; i < 301; i++) chain.mine();
  await reaches(401);
  expect([told.length, told[299], told[300], told.at(-1)]).toEqual([601, '-101', '+101', '+401']);
  await follower.stop();
});

test('a chain that lost more than is remembered and does not know the old blocks ends following, and the error says what to do', async () => {
  const chain = grown(400);
  const { failures, reaches } = await following({ chain });
  await reaches(400);
  chain.forget(300);
  for (let i = 0; i < 301; i++) chain.mine();
  await until(() => failures.length > 0);
  expect(failures).toMatchObject([{ fault: { code: 'reorg_too_deep', height: 113 } }]);
  expect(String(failures[0])).toMatch(
    /start with a new --dir and the same seed, and restore the backup with `ampere recover`/,
  );
});

describe('a chain that differs from the first block on', () => {
  const anew = async (blocks: number) => {
    const chain = grown(120);
    const store = memoryStore();
    const before = await following({ chain, store, birth: 110 });
    await before.reaches(120);
    await before.follower.stop();
    chain.forget(120);
    for (let i = 0; i < blocks; i++) chain.mine();
    return following({ chain, store });
  };

  test.each([30, 115, 300])(
    'is no reorganization, with %i blocks: the start is refused with what to do',
    async (blocks) => {
      const { told, failures } = await anew(blocks);
      await until(() => failures.length > 0);
      expect(told).toEqual([]);
      expect(failures).toMatchObject([{ fault: { code: 'other_chain', height: 120 } }]);
      expect(String(failures[0])).toMatch(/from block 1 on.*new --dir/);
    },
  );

  test('while the node runs, it is waited for that the other comes back', async () => {
    const chain = grown(120);
    const { told, failures, follower, clock, reaches } = await following({ chain });
    await reaches(120);
    told.splice(0);
    const ours = chain.forget(120);
    for (let i = 0; i < 150; i++) chain.mine();
    await until(() => follower.problem?.includes('another chain') === true);
    expect([told, failures]).toEqual([[], []]);
    chain.forget(150);
    chain.take(ours);
    chain.mine();
    clock.pass(10_000);
    await reaches(121);
    expect(told).toEqual(['+121']);
    await follower.stop();
  });
});
