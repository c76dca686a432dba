/** A chain that was well when the node started and then says what makes no sense, or lets nobody in. */
import { expect, test } from 'vitest';
import type { ChainFault } from '../../../node/chain/errors.ts';
import { Follower } from '../../../node/chain/follower.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { fakeChain } from '../../support/chain.ts';
import { heldClock, keptLog, until } from '../../support/quiet.ts';

test.each<ChainFault>([
  { code: 'unauthorized', where: 'here', hint: 'wrong password' },
  { code: 'bad_answer', method: 'getblock', detail: 'no JSON' },
  { code: 'refused', method: 'getblock', rpcCode: -1, message: 'Block not found on disk' },
])(
  'a chain whose answers turn bad after the start is logged once, waited for and followed again: $code',
  async (fault) => {
    const chain = fakeChain();
    const [clock, log] = [heldClock(), keptLog()];
    const [told, failures]: [string[], unknown[]] = [[], []];
    const applied = ({ event }: { event: string }) => void told.push(event);
    const listeners = [{ apply: () => [], applied }];
    const follower = new Follower({ chain, store: memoryStore(), clock, log, birth: 0, listeners });
    await follower.start((error) => void failures.push(error));
    await follower.caughtUp;
    chain.fail(fault);
    chain.mine();
    for (let i = 0; i < 4; i++) {
      await until(() => clock.waiting > 0 || failures.length > 0);
      clock.pass(10_000);
    }
    expect([told, failures]).toEqual([[], []]);
    await until(() => clock.waiting > 0);
    chain.fail(undefined);
    clock.pass(10_000);
    await until(() => told.length === 1);
    expect(failures).toEqual([]);
    expect(log.lines).toHaveLength(2);
    await follower.stop();
  },
);
