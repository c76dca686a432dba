/** The wallet's history: what is in it, in which order, what a reorganization takes back, and that it is bounded. */
import type { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { listtransactions } from '../../../node/api/methods/wallet/listtransactions.ts';
import { rememberedBlocks } from '../../../node/chain/followrules.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { type MinedTx, WalletHistory } from '../../../node/wallet/history.ts';
import { sendTo } from '../../../node/wallet/send.ts';
import { sat } from '../../../wire/units.ts';
import { patient } from '../../support/api.ts';
import { payment, stranger } from '../../support/chain.ts';
import { collect } from '../../support/counting.ts';
import { walletKeys as keys, walletOver } from '../../support/walletover.ts';

const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const ours = { script: keys.script({ branch: 0, index: 0 }), amount: 50_000n };
const theirs = { script: foreign, amount: 1_000n };

type Over = Awaited<ReturnType<typeof walletOver>>;
const listed = async ({ wallet }: Pick<Over, 'wallet'>) => {
  const { transactions } = await listtransactions.handler({ wallet }, {}, patient);
  return collect(transactions as AsyncIterable<Exclude<typeof transactions, AsyncIterable<unknown>>[number]>);
};
const places = async (over: Pick<Over, 'wallet'>) =>
  (await listed(over)).map(({ hash, blockheight, txindex }) => [hash, blockheight, txindex]);
const coinOf = ({ wallet }: Over) => {
  const coin = wallet.funds().find(({ status }) => status === 'confirmed');
  if (coin === undefined) throw new Error('no coin');
  return coin;
};

describe("the wallet's history", () => {
  test('has the transactions that paid the wallet or spent its coins, and no others, in the order of the chain', async () => {
    const over = await walletOver();
    const [first, second] = [payment([stranger(1)], [ours]), payment([stranger(2)], [theirs, ours])];
    await over.mine(payment([stranger(3)], [theirs]), first, second);
    const spending = payment([coinOf(over)], [theirs]);
    await over.mine(spending);
    const expected = [
      [first.getId(), 1, 2],
      [second.getId(), 1, 3],
      [spending.getId(), 2, 1],
    ];
    expect(await places(over)).toEqual(expected);
    // Also after a restart.
    expect(await places(await walletOver(over.records, over.chain))).toEqual(expected);
  });

  test('shows a transaction whole, and last those that no block has yet, at height 0', async () => {
    const over = await walletOver();
    await over.deposit(100_000n);
    const { tx } = await sendTo(over.wallet, over.chain, { script: foreign, amount: sat(30_000n), feerate: 1000 });
    const row = (await listed(over)).at(-1);
    const [input] = tx.ins;
    expect(row).toMatchObject({
      ...{
        hash: tx.getId(),
        rawtx: tx.toHex(),
        blockheight: 0,
        txindex: 0,
        version: tx.version,
        locktime: tx.locktime,
      },
      inputs: [
        {
          txid: Buffer.from(input?.hash ?? [])
            .reverse()
            .toString('hex'),
          index: input?.index,
          sequence: input?.sequence,
        },
      ],
    });
    expect(row?.outputs.map(({ amount_msat }) => amount_msat)).toEqual(tx.outs.map(({ value }) => value * 1000n));
    await over.mine(tx);
    expect((await places(over)).slice(1)).toEqual([[tx.getId(), 2, 1]]);
  });

  test('loses the transactions of blocks that a reorganization takes back, also after a restart, and has them where they are mined again', async () => {
    const before = await walletOver();
    const [stays, goes] = [payment([stranger(1)], [ours]), payment([stranger(2)], [ours])];
    await before.mine(stays);
    await before.mine(goes);
    const over = await walletOver(before.records, before.chain);
    await over.drop(1);
    expect(await places(over)).toEqual([[stays.getId(), 1, 1]]);
    await over.mine(payment([stranger(3)], [theirs]));
    await over.mine(payment([stranger(4)], [theirs]), goes);
    const expected = [
      [stays.getId(), 1, 1],
      [goes.getId(), 3, 2],
    ];
    expect(await places(over)).toEqual(expected);
    expect(await places(await walletOver(over.records, over.chain))).toEqual(expected);
  });

  test('keeps no more about blocks that no reorganization can take back than their transactions', async () => {
    const over = await walletOver();
    await over.mine(payment([stranger(1)], [ours]));
    const marks = () => [...over.records.keys()].filter((key) => key.startsWith('wallet/txat/')).length;
    expect(marks()).toBe(1);
    for (let i = 0; i < rememberedBlocks; i++) await over.mine();
    expect([marks(), (await places(over)).length]).toEqual([0, 1]);
  });

  test('loses the transactions of all blocks that a reorganization takes back, also of those that are no longer remembered', async () => {
    const over = await walletOver();
    const [stays, goes, late] = [1, 2, 3].map((n) => payment([stranger(n)], [ours]));
    if (stays === undefined || goes === undefined || late === undefined) throw new Error('no payments');
    await over.mine(stays);
    await over.mine(goes);
    await over.mine(late);
    for (let i = 0; i < rememberedBlocks + 5; i++) await over.mine();
    await over.drop(rememberedBlocks + 7);
    expect(await places(over)).toEqual([[stays.getId(), 1, 1]]);
    await over.mine(payment([stranger(4)], [theirs]));
    await over.mine(goes);
    const expected = [
      [stays.getId(), 1, 1],
      [goes.getId(), 3, 1],
    ];
    expect(await places(over)).toEqual(expected);
    expect(await places(await walletOver(over.records, over.chain))).toEqual(expected);
  });

  test('has after a rescan what the whole chain has, whatever it had before', async () => {
    const over = await walletOver();
    await over.mine(payment([stranger(1)], [ours]));
    await over.mine(payment([stranger(2)], [theirs]), payment([stranger(3)], [ours]));
    const all = await places(over);
    for (const key of [...over.records.keys()]) if (key.startsWith('wallet/tx')) over.records.delete(key);
    const again = await walletOver(over.records, over.chain);
    expect(await places(again)).toEqual([]);
    const replay = again.wallet.beginReplay();
    for (const block of over.chain.blocks.slice(1)) replay.block(block);
    await replay.end();
    expect(await places(again)).toEqual(all);
    // A reorganization finds its block's transactions again.
    await again.drop(1);
    expect(await places(again)).toEqual(all.slice(0, 1));
  });

  test('is of so many transactions at most, the latest', async () => {
    const store = memoryStore();
    const history = await WalletHistory.load(store, 3n);
    const made = (n: number): Transaction => payment([stranger(n)], [ours]);
    const at = (height: number): MinedTx => ({ height, position: 0, tx: made(height) });
    for (let height = 1; height <= 5; height++) await store.commit(history.connected(height, [at(height)]));
    expect((await collect(history.list())).map(({ height }) => height)).toEqual([3, 4, 5]);
    await store.commit(history.disconnected(5));
    await store.commit(history.connected(5, [at(5), { ...at(6), height: 5 }]));
    expect((await collect(history.list())).map(({ height }) => height)).toEqual([4, 5, 5]);
    const replay = history.replay();
    for (let height = 1; height <= 9; height++) replay.add([at(height)]);
    await store.commit(await replay.end(9));
    expect((await collect((await WalletHistory.load(store, 3n)).list())).map(({ height }) => height)).toEqual([
      7, 8, 9,
    ]);
  });
});
