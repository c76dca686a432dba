/** What strangers make a node look up does not stand in the way of calls about its own money. */

import { expect, test } from 'vitest';
import { ChainError } from '../../../node/chain/errors.ts';
import { MOST_TOGETHER } from '../../../node/chain/rpcpriority.ts';
import { fundingOutput, hasCaughtUp } from '../../../node/graph/fundinglookups.ts';
import { scidOf } from '../../../wire/units.ts';
import { until } from '../../support/quiet.ts';
import { no, ok, type Reply, raw, standIn } from './standin.ts';

const hash = 'aa'.repeat(32);
const blockIds = () => ok({ tx: [hash, hash] });
const mempool = () => raw('{"mempoolminfee":0.00001000}');

/** Answers that a test gives when it is time. */
const held = () => {
  const waiting: ((reply: Reply) => void)[] = [];
  return {
    answer: () => new Promise<Reply>((give) => waiting.push(give)),
    give: (reply: Reply) => {
      for (const give of waiting.splice(0)) give(reply);
    },
    get waiting() {
      return waiting.length;
    },
  };
};

test('a low-priority call begins only when no high-priority call is pending', async () => {
  const estimates = held();
  const { chain, asked } = await standIn({
    estimatesmartfee: estimates.answer,
    getmempoolinfo: mempool,
    getblockhash: () => ok(hash),
    getblock: blockIds,
    gettxout: () => ok(null),
  });
  const feerate = chain.feerate(6);
  await until(() => estimates.waiting === 1);
  const found = fundingOutput(chain, scidOf(100, 1, 0));
  // What is ours is asked at once, beside whatever of ours is under way.
  await chain.relayFeerate();
  expect(asked).toEqual(['estimatesmartfee', 'getmempoolinfo']);
  estimates.give(raw('{"feerate":0.00020000}'));
  expect(await feerate).toBe(5000);
  expect(await found).toBeUndefined();
  expect(asked.slice(2)).toEqual(['getblockhash', 'getblock', 'gettxout']);
});

test('low-priority calls that wait share a request, one at a time, and high-priority calls do not wait for them', async () => {
  const outputs = held();
  const { chain, asked, requests } = await standIn({
    getmempoolinfo: mempool,
    getblockhash: () => ok(hash),
    getblock: blockIds,
    gettxout: outputs.answer,
  });
  const found = Array.from({ length: 20 }, (_, i) => fundingOutput(chain, scidOf(100 + i, 1, 0)));
  for (let more = found.length; more > 0; more--) {
    await until(() => outputs.waiting === 1);
    await chain.relayFeerate();
    expect(outputs.waiting).toBe(1);
    outputs.give(ok(null));
  }
  expect(await Promise.all(found)).toEqual(found.map(() => undefined));
  expect(asked.filter((method) => method === 'gettxout')).toHaveLength(20);
  expect(Math.max(...requests.map(({ length }) => length))).toBe(MOST_TOGETHER);
});

test('a call with a long answer shares no request, and those behind it keep their order', async () => {
  const { chain, requests } = await standIn({
    getblockhash: ([height]) => ok(String(height).padStart(64, '0')),
    getblock: blockIds,
    gettxout: () => ok(null),
  });
  await Promise.all([100, 101, 102].map((height) => fundingOutput(chain, scidOf(height, 1, 0))));
  const blocks = requests.filter((methods) => methods.includes('getblock'));
  expect(blocks).toEqual([['getblock'], ['getblock'], ['getblock']]);
});

test('an error of one look-up of a request is that of no other', async () => {
  const { chain } = await standIn({
    getblockhash: ([height]) => (height === 101 ? no(-8, 'Block height out of range') : ok(hash)),
    getblock: blockIds,
    gettxout: () => ok(null),
  });
  const ids = await Promise.all([100, 101, 102].map((height) => chain.txidAt(height, 1)));
  expect(ids.map((id) => id !== undefined)).toEqual([true, false, true]);
});

test('several look-ups in one block ask for it once', async () => {
  const { chain, asked } = await standIn({ getblockhash: () => ok(hash), getblock: blockIds });
  await Promise.all([0, 1, 0, 1].map((index) => chain.txidAt(100, index)));
  expect(asked.filter((method) => method === 'getblock')).toHaveLength(1);
});

test('whether the chain may not show what is there is asked as low as the look-up that found nothing', async () => {
  const own = held();
  const info = { chain: 'main', blocks: 7, headers: 7, bestblockhash: hash, initialblockdownload: false };
  const { chain, asked } = await standIn({ getmempoolinfo: own.answer, getblockchaininfo: () => ok(info) });
  const high = chain.relayFeerate();
  await until(() => own.waiting === 1);
  const sure = hasCaughtUp(chain, 7);
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  expect(asked).toEqual(['getmempoolinfo']);
  own.give(mempool());
  await high;
  expect(await sure).toBe(true);
});

test('waiting for the next block keeps no look-up back', async () => {
  const blocks = held();
  const { chain } = await standIn({
    getbestblockhash: () => ok(hash),
    waitfornewblock: blocks.answer,
    getblockhash: () => ok(hash),
    getblock: blockIds,
    gettxout: () => ok(null),
  });
  const changed = chain.waitForChange(hash, new AbortController().signal);
  await until(() => blocks.waiting === 1);
  expect(await fundingOutput(chain, scidOf(100, 1, 0))).toBeUndefined();
  blocks.give(ok(null));
  await changed;
});

test('look-ups that wait end when the chain is closed', async () => {
  const outputs = held();
  const { chain } = await standIn({ getblockhash: () => ok(hash), getblock: blockIds, gettxout: outputs.answer });
  const found = [100, 101, 102].map((height) => fundingOutput(chain, scidOf(height, 1, 0)).catch((error) => error));
  await until(() => outputs.waiting === 1);
  await chain.close();
  for (const one of await Promise.all(found)) expect(one).toBeInstanceOf(ChainError);
  outputs.give(ok(null));
});
