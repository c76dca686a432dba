/** Whether a follower's height is the chain's: what may be decided by it, and what has to wait. */
import { expect, test } from 'vitest';
import { type ChainListener, Follower } from '../../../node/chain/follower.ts';
import type { Chain } from '../../../node/ports/ports.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { fakeChain } from '../../support/chain.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

const following = async (chain: Chain, listeners: readonly ChainListener[] = []) => {
  const clock = heldClock();
  const parts = { chain, store: memoryStore(), clock, log: keptLog(), listeners };
  const follower: Follower = new Follower({ ...parts, birth: 0 });
  await follower.start(() => undefined);
  return { follower, clock };
};

test('the height counts only while the chain agreed with it not long ago, and is asked for where it did not', async () => {
  const chain = fakeChain();
  let behind = false;
  const port: Chain = { ...chain, tip: async () => ({ ...(await chain.tip()), isBehind: behind }) };
  const { follower, clock } = await following(port);
  await until(() => follower.isSynced());
  clock.pass(30_000);
  expect(follower.isSynced()).toBe(true);
  // The machine slept.
  clock.pass(3_600_000);
  expect(follower.isSynced()).toBe(false);
  await until(() => follower.isSynced());
  behind = true;
  clock.pass(40_000);
  expect(follower.isSynced()).toBe(false);
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  expect(follower.isSynced()).toBe(false);
  behind = false;
  await until(() => follower.isSynced());
  chain.fail({ code: 'unreachable', where: 'here', reason: 'ECONNREFUSED' });
  clock.pass(40_000);
  expect(follower.isSynced()).toBe(false);
  await until(() => clock.waiting > 0);
  expect(follower.isSynced()).toBe(false);
  await follower.stop();
});

test('the height does not count as current while blocks are being connected', async () => {
  const chain = fakeChain();
  for (let i = 0; i < 3; i++) chain.mine();
  const seen: boolean[] = [];
  const listener: ChainListener = { apply: () => [], applied: () => void seen.push(running.follower.isSynced()) };
  const running = await following(chain, [listener]);
  await until(() => running.follower.isSynced());
  chain.mine();
  await until(() => seen.length === 4 && running.follower.isSynced());
  expect(seen).toEqual([false, false, false, false]);
  await running.follower.stop();
});
