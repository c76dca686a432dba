/** `waitblockheight`: who waits for a block is told once the node has read it, and waits no longer than it said. */
import { describe, expect, test } from 'vitest';
import { waitblockheight } from '../../../node/api/methods/node/waitblockheight.ts';
import { HeightWaiters } from '../../../node/chain/heightwaiters.ts';
import { patient } from '../../support/api.ts';
import { heldClock } from '../../support/quiet.ts';

const opened = () => {
  const follower = { height: 100 };
  const clock = heldClock();
  const heightWaiters = new HeightWaiters(() => follower.height);
  const node = { follower, heightWaiters, ports: { clock } } as unknown as Parameters<
    typeof waitblockheight.handler
  >[0];
  const wait = (blockheight: number, timeout?: number, call = patient) =>
    waitblockheight.handler(node, waitblockheight.params.parse({ blockheight, timeout }), call);
  const mine = (height: number): void => {
    follower.height = height;
    heightWaiters.block();
  };
  return { wait, mine, clock, heightWaiters };
};

describe('waitblockheight', () => {
  test('answers at once where the block is there, and otherwise with the first block at that height or above', async () => {
    const { wait, mine, heightWaiters } = opened();
    expect(await wait(100)).toEqual({ blockheight: 100 });
    expect(await wait(7, 0)).toEqual({ blockheight: 100 });
    const [near, far] = [wait(101), wait(103)];
    mine(101);
    expect(await near).toEqual({ blockheight: 101 });
    expect(heightWaiters.count).toBe(1);
    // A reorganization takes blocks back and brings more.
    mine(99);
    mine(104);
    expect(await far).toEqual({ blockheight: 104 });
    expect(heightWaiters.count).toBe(0);
  });

  test('ends with error 2000 after a minute or the time given, and with its caller', async () => {
    const { wait, clock, heightWaiters } = opened();
    const [usual, short] = [wait(101), wait(101, 5)].map((call) => call.catch((error: unknown) => error));
    clock.pass(5_000);
    expect(await short).toMatchObject({ code: 2000, message: expect.stringContaining('the chain is at 100') });
    clock.pass(55_000);
    expect(await usual).toMatchObject({ code: 2000 });
    const caller = new AbortController();
    const gone = wait(101, 5, caller).catch((error: unknown) => error);
    caller.abort();
    expect(await gone).toMatchObject({ code: -1 });
    expect(heightWaiters.count).toBe(0);
  });

  test('refuses further callers where thousands wait already', async () => {
    const { wait, mine } = opened();
    const waiting = Array.from({ length: 4096 }, () => wait(101));
    await expect(wait(101)).rejects.toMatchObject({ code: -32000 });
    mine(101);
    await Promise.all(waiting);
    expect(await wait(101)).toEqual({ blockheight: 101 });
  });
});
