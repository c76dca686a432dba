/** A bitcoind that takes every question and answers none: the node tells what it knows, gives up what it cannot do, and ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ChainError } from '../../node/chain/errors.ts';
import { ANSWER_TIMEOUT_MS, tipProbe, withTimeouts } from '../../node/chain/timeouts.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { fakeChain } from '../support/chain.ts';
import { hurriedClock } from '../support/hurried.ts';
import { endow, newGround, startLocal } from '../support/inprocess.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';

/** A chain that can be held: what is asked from then on is answered by its closing alone. */
const holdable = () => {
  const held = { holds: false, asked: 0 };
  let close = (): void => undefined;
  const closed = new Promise<never>((_, reject) => {
    close = () => reject(new ChainError({ code: 'closed' }));
  });
  closed.catch(() => undefined);
  const wrap = (chain: Chain): Chain => {
    const holding =
      <A extends readonly unknown[], T>(ask: (...given: A) => Promise<T>) =>
      (...given: A): Promise<T> => {
        held.asked++;
        return held.holds ? closed : ask(...given);
      };
    return {
      ...chain,
      tip: holding(chain.tip),
      hashAt: holding(chain.hashAt),
      block: holding(chain.block),
      waitForChange: holding(chain.waitForChange),
      testAccept: holding(chain.testAccept),
      broadcast: holding(chain.broadcast),
      feerate: holding(chain.feerate),
      relayFeerate: holding(chain.relayFeerate),
      unspent: holding(chain.unspent),
      mempoolSpenders: holding(chain.mempoolSpenders),
      close: async () => {
        close();
        await chain.close();
      },
    };
  };
  return { held, wrap };
};

test('what it knows is told, what needs it ends as an error of the chain, and the node ends in order', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ampere-hung-'));
  const ground = await newGround();
  const clock = hurriedClock();
  const { held, wrap } = holdable();
  const alice = await startLocal({ dir, ground, clock, log: memoryLog([]), chain: wrap });
  const { height } = ground.regtest.ledger.tip;
  await endow(ground, alice, [500_000n]);
  await becomes('alice at the tip', () => alice.node.follower.top.height === height + 1);
  const { file } = await alice.call('backup', { file: join(dir, 'copy') });
  held.holds = true;
  const informed = alice.call('getinfo', {});
  clock.hurry(0.6);
  expect(await informed).toMatchObject({
    blockheight: height + 1,
    warning_bitcoind_sync: expect.stringMatching(/no answer from bitcoind at 127\.0\.0\.1:1: .*goes on by itself/),
  });
  // The next one asks nothing, and waits for nothing.
  const { asked } = held;
  expect(await alice.call('getinfo', {})).toHaveProperty('warning_bitcoind_sync');
  expect(held.asked).toBe(asked);
  const { bech32 = '' } = await alice.call('newaddr', {});
  const withdrawn = alice.call('withdraw', { destination: bech32, satoshi: 'all' }).catch((error: unknown) => error);
  await becomes('the estimate asked for', () => held.asked > asked);
  clock.hurry(ANSWER_TIMEOUT_MS / 1000);
  expect(await withdrawn).toMatchObject({
    code: 500,
    message: expect.stringMatching(/^no answer from bitcoind at .*Try again once bitcoind is well$/),
  });
  const before = held.asked;
  const recovered = alice.call('recover', { file }).catch((error: unknown) => error);
  await becomes('the chain asked', () => held.asked > before);
  clock.hurry(ANSWER_TIMEOUT_MS / 1000);
  expect(await recovered).toMatchObject({ code: 500 });
  const stopped = alice.stop();
  clock.hurry(1);
  await stopped;
  await rm(dir, { recursive: true, force: true });
});

test('what comes in time is handed on, and what comes late is not waited for', async () => {
  const chain = fakeChain();
  const clock = heldClock();
  const parts = { chain, clock, where: 'here:1' };
  expect(await withTimeouts(parts).feerate(6)).toBe(2500);
  expect(await tipProbe(parts)()).toMatchObject({ tip: { height: 0 } });
  const { held, wrap } = holdable();
  held.holds = true;
  const slow = { ...parts, chain: wrap(chain) };
  const estimate = withTimeouts(slow).feerate(6);
  clock.pass(ANSWER_TIMEOUT_MS);
  await expect(estimate).rejects.toMatchObject({ fault: { code: 'unreachable', where: 'here:1' } });
  expect(clock.waiting).toBe(0);
});
