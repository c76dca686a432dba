/** What is told of spends that no block holds: each change of mind of the mempool, nothing twice in a row, and what was there for a moment. */
import { expect, test } from 'vitest';
import { systemEntropy } from '../../../node/base/entropy.ts';
import type { ChainTx, Outpoint } from '../../../node/ports/ports.ts';
import { MempoolWatch } from '../../../node/sweep/mempool.ts';
import { atRandomTimes, REPUBLISH_MS, randomBetween } from '../../../node/sweep/randomtimes.ts';
import { hex } from '../../../wire/bytes.ts';
import { chainTx, fakeChain, payment, stranger } from '../../support/chain.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';

const outpoint = stranger(1);
const [first, other] = [1, 2].map((salt) => chainTx(payment([outpoint], [], salt)));
const nameOf = (one: ChainTx | undefined): string => hex(one?.txid ?? new Uint8Array());

/** A watch of one output over a mempool that says what `now` is; `asked` counts the questions. */
const watching = () => {
  const here: { now: ChainTx | undefined; asked: number; hear: (tx: Uint8Array) => void } = {
    now: undefined,
    asked: 0,
    hear: () => undefined,
  };
  const told: string[] = [];
  const failures: unknown[] = [];
  const clock = heldClock();
  const watch = new MempoolWatch({
    chain: {
      ...fakeChain(),
      mempoolSpenders: async (outpoints: readonly Outpoint[]) => {
        here.asked++;
        return outpoints.map(() => here.now?.txid);
      },
      mempoolSpender: async () => here.now,
      subscribeRawTx: (hear) => {
        here.hear = hear;
        return () => {
          here.hear = () => undefined;
        };
      },
    },
    clock,
    entropy: systemEntropy,
    log: keptLog(),
    onSpend: (owner, _, { txid }) => void told.push(`${owner} ${hex(txid)}`),
    onSpendGone: (owner) => void told.push(`${owner} gone`),
    fatal: (error) => void failures.push(error),
  });
  watch.watch('channel', [outpoint]);
  watch.start();
  return { here, told, failures, clock, watch };
};

test('a spender is reported again after another replaced it, and its disappearance is reported where nothing replaced it', async () => {
  const { here, told, failures, watch } = watching();
  for (const now of [undefined, first, first, other, undefined, undefined, other, first]) {
    here.now = now;
    await watch.poll();
  }
  await watch.stop();
  const all = [nameOf(first), nameOf(other), 'gone', nameOf(other), nameOf(first)];
  expect(told).toEqual(all.map((name) => `channel ${name}`));
  expect(failures).toEqual([]);
});

test('a spender that is in the mempool only between two polls is reported from the raw transaction notifications', async () => {
  const { here, told, watch } = watching();
  await watch.poll();
  for (const one of [first, other, first]) here.hear(new Uint8Array(one?.tx.toBuffer() ?? []));
  here.hear(new Uint8Array(payment([stranger(9)], [], 3).toBuffer()));
  expect(told).toEqual([first, other, first].map((one) => `channel ${nameOf(one)}`));
  await watch.poll();
  expect(told.at(-1)).toBe('channel gone');
  watch.setMined('channel', outpoint, true);
  here.hear(new Uint8Array(other?.tx.toBuffer() ?? []));
  expect(told).toHaveLength(4);
  await watch.stop();
});

test('all outputs are looked at about every second, in one question, and none where there is nothing to look for', async () => {
  const { here, watch, clock } = watching();
  await watch.poll();
  const before = here.asked;
  for (let second = 0; second < 60; second++) {
    clock.pass(500);
    clock.pass(500);
    await watch.poll();
  }
  expect(here.asked - before).toBeGreaterThanOrEqual(60);
  watch.setMined('channel', outpoint, true);
  const { asked } = here;
  clock.pass(2_000);
  await watch.poll();
  expect(here.asked).toBe(asked);
  await watch.stop();
});

test('claims go out ten times a block, at moments that nobody can guess', () => {
  const clock = heldClock();
  const at: number[] = [];
  const end = atRandomTimes(clock, systemEntropy, () => void at.push(clock.now()));
  for (let second = 0; second < 6_000; second++) clock.pass(1_000);
  const gaps = at.slice(1).map((one, i) => one - (at[i] ?? 0));
  expect(at.length).toBeGreaterThan(70);
  expect(at.length).toBeLessThan(140);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(REPUBLISH_MS[0] - 1_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(REPUBLISH_MS[1] + 1_000);
  expect(new Set(gaps).size).toBeGreaterThan(20);
  end();
  expect(clock.waiting).toBe(0);
  expect(Math.max(...Array.from({ length: 1000 }, () => randomBetween(systemEntropy, [5, 7])))).toBe(7);
});
