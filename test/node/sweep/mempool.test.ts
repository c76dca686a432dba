/** What is told of spends that no block holds: each change of mind of the mempool, and nothing twice in a row. */
import { expect, test } from 'vitest';
import { MempoolWatch } from '../../../node/chain/sweep/mempool.ts';
import type { ChainTx } from '../../../node/ports.ts';
import { hex } from '../../../wire/bytes.ts';
import { chainTx, fakeChain, payment, stranger } from '../../support/chain.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';

const outpoint = stranger(1);
const [first, other] = [1, 2].map((salt) => chainTx(payment([outpoint], [], salt)));

test('a spender is told again when it comes back after another', async () => {
  let now: ChainTx | undefined;
  const told: string[] = [];
  const failures: unknown[] = [];
  const watch = new MempoolWatch({
    chain: { ...fakeChain(), spender: async () => now },
    clock: heldClock(),
    log: keptLog(),
    tell: (owner, _, { txid }) => void told.push(`${owner} ${hex(txid)}`),
    fatal: (error) => void failures.push(error),
  });
  watch.watch('channel', [outpoint]);
  watch.start();
  for (now of [undefined, first, first, other, undefined, other, first]) await watch.look();
  await watch.stop();
  expect(told).toEqual([first, other, first].map((one) => `channel ${hex(one?.txid ?? new Uint8Array())}`));
  expect(failures).toEqual([]);
});
