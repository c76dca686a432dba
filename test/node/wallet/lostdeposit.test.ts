/** Deposits that a reorg takes out of the chain after the wallet has spent them: what was built on them is given up, and nothing else. */
import type { Transaction } from 'bitcoinjs-lib';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { p2wsh } from '../../../channel/tx/script.ts';
import { rejectedError } from '../../../node/chain/errors.ts';
import { rememberedBlocks } from '../../../node/chain/followrules.ts';
import { networkOf } from '../../../node/ports/network.ts';
import type { Block, Chain } from '../../../node/ports/ports.ts';
import { embeddedChain } from '../../../node/regtest/chain/chain.ts';
import { openRegtest, type Regtest } from '../../../node/regtest/chain/regtest.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { Refusals } from '../../../node/wallet/refusals.ts';
import { rebroadcast, sendTo, takeBack } from '../../../node/wallet/send.ts';
import { Wallet } from '../../../node/wallet/wallet.ts';
import { sat } from '../../../wire/units.ts';
import { chainTx, payment } from '../../support/chain.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';
import { propertyRuns } from '../../support/runs.ts';
import { walletKeys, walletOver } from '../../support/walletover.ts';

const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const feerate = 1000;
const to = { script: foreign, feerate };

/** A wallet with a coin of 40,000 sat that stays, and two payments: one of both its deposits, the other of the change of that. */
const withLost = async () => {
  const over = await walletOver();
  const { wallet, chain, deposit, mine, drop, standing } = over;
  await deposit(40_000n);
  await deposit(100_000n);
  const [block] = chain.blocks.slice(-1);
  const first = await sendTo(wallet, chain, { ...to, amount: sat(120_000n) });
  const second = await sendTo(wallet, chain, { ...to, amount: sat(5_000n) });
  await wallet.reserve('claim/1', { amount: sat(2_000n), scriptLength: 34, feerate });
  const before = standing();
  await drop(1);
  const blocks = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await mine();
  };
  const deposited = (block?.transactions ?? []).map(({ tx }) => tx).slice(1);
  return { ...over, first, second, before, blocks, deposited };
};

/** A chain whose mempool has nothing that these payments spend. */
const withoutInputs = (chain: Chain): Chain => ({
  ...chain,
  broadcast: async () => {
    throw rejectedError('bad-txns-inputs-missingorspent');
  },
});

test('a payment whose deposit never comes back is given up once no reorg can bring it, with what spends its change', async () => {
  const { wallet, chain, standing, blocks, first, second, records } = await withLost();
  const [log, refusals] = [keptLog(), new Refusals()];
  const again = () => rebroadcast(wallet, withoutInputs(chain), log, refusals);
  await blocks(rememberedBlocks - 1);
  await again();
  expect(wallet.pending().map(({ txid }) => txid)).toEqual([first.txid, second.txid]);
  expect(wallet.rivalOf(first.txid)).toBeUndefined();
  await blocks(1);
  for (const _ of [1, 2]) await again();
  expect([wallet.pending(), standing()]).toEqual([[], ['40000 confirmed']]);
  for (const { txid } of [first, second]) expect(wallet.rivalOf(txid)).toEqual({ txid: undefined, height: 2 });
  expect(log.lines.filter((line) => /given up: a reorganization took coins/.test(line))).toHaveLength(2);
  const restarted = await walletOver(records, chain);
  expect([restarted.wallet.pending(), restarted.standing()]).toEqual([[], ['40000 confirmed']]);
  await blocks(rememberedBlocks);
  expect(wallet.rivalOf(first.txid)).toBeUndefined();
  expect(wallet.owners()).toEqual([]);
  expect([...records.keys()].filter((key) => /wallet\/(sent|absent|reserved)\//.test(key))).toEqual([]);
});

test('a deposit that another reorg brings back after all brings back what was built on it', async () => {
  const { wallet, standing, before, blocks, mine, drop, deposited, first, second } = await withLost();
  await blocks(rememberedBlocks);
  expect(wallet.pending()).toEqual([]);
  await drop(1);
  expect(wallet.pending()).toHaveLength(2);
  await mine(...deposited);
  await blocks(rememberedBlocks);
  expect([...standing()].sort()).toEqual([...before].sort());
  await mine(first.tx, second.tx);
  expect(wallet.pending()).toEqual([]);
});

test('a deposit that comes back with the very block at which what was built on it would be forgotten brings that back', async () => {
  const { wallet, blocks, mine, deposited, before, standing } = await withLost();
  await blocks(2 * rememberedBlocks - 1);
  await mine(...deposited);
  expect(wallet.pending()).toHaveLength(2);
  expect([...standing()].sort()).toEqual([...before].sort());
});

test('a payment on hold, and the one whose change it spends, waits for its deposit until it is released', async () => {
  const { wallet, records, chain, blocks, second } = await withLost();
  await blocks(rememberedBlocks);
  await wallet.hold('channel/1', second.txid);
  await wallet.sending(second);
  await blocks(3 * rememberedBlocks);
  const { wallet: restarted, mine } = await walletOver(records, chain);
  expect([restarted.pending(), restarted.abandoned().length]).toEqual([[], 2]);
  await restarted.release('channel/1');
  await mine();
  expect(restarted.abandoned()).toEqual([]);
});

test('a payment whose deposit left the chain is lost for good once another spends a coin of it that stayed', async () => {
  const { wallet, chain, blocks, mine, first, second } = await withLost();
  await blocks(rememberedBlocks);
  const other = await sendTo(wallet, chain, { ...to, amount: 'all' });
  expect(wallet.rivalOf(first.txid)?.txid).toBeUndefined();
  await mine(other.tx);
  for (const { txid } of [first, second])
    expect(wallet.rivalOf(txid)).toEqual({ txid: other.txid, height: chain.blocks.at(-1)?.height });
});

test('coins that became free stay reserved for whoever has them by now, though what they were to pay is broadcast again', async () => {
  const { wallet, blocks, first } = await withLost();
  await blocks(rememberedBlocks);
  await wallet.reserve('channel/2', { amount: 'all', scriptLength: 34, feerate });
  await wallet.sending(first);
  expect(wallet.owners()).toContain('channel/2');
  expect(wallet.spendable()).toBe(0n);
});

test('a deposit that the mempool still has is waited for, however long', async () => {
  const { wallet, chain, blocks, records } = await withLost();
  for (let i = 0; i < 4; i++) {
    await blocks(rememberedBlocks - 1);
    await rebroadcast(wallet, chain, keptLog(), new Refusals());
  }
  expect(wallet.pending()).toHaveLength(2);
  const restarted = await walletOver(records, chain);
  expect(restarted.wallet.pending()).toHaveLength(2);
});

test('one that an earlier version left without its coins is given up as well', async () => {
  const { records, chain, first } = await withLost();
  for (const key of [...records.keys()]) if (key.startsWith('wallet/absent/')) records.delete(key);
  const { wallet, mine } = await walletOver(records, chain);
  expect(wallet.pending()).toHaveLength(2);
  for (let i = 0; i < rememberedBlocks; i++) await mine();
  expect(wallet.pending()).toEqual([]);
  expect(wallet.rivalOf(first.txid)).toBeDefined();
});

test('where all coins of a payment left the chain, giving it up says until when it is waited for', async () => {
  const { wallet, chain, deposit, mine, drop } = await walletOver();
  await deposit(100_000n);
  const made = await sendTo(wallet, chain, { ...to, amount: sat(30_000n) });
  await drop(1);
  await expect(takeBack(wallet, chain, made.txid, 253)).rejects.toThrow(/unless they come back, .* at block 288/);
  for (let i = 0; i < rememberedBlocks; i++) await mine();
  await expect(takeBack(wallet, chain, made.txid, 253)).rejects.toThrow(/before block 1, and it is given up already/);
});

test('what hangs on a double-spent payment does not wait again once that one is forgotten', async () => {
  const { wallet, chain, deposit, mine } = await walletOver();
  await deposit(100_000n);
  const [coin] = wallet.funds();
  if (coin === undefined) throw new Error('no coin');
  for (const amount of [30_000n, 20_000n]) await sendTo(wallet, chain, { ...to, amount: sat(amount) });
  await mine(payment([coin], [{ script: foreign, amount: 1n }]));
  for (let i = 0; i <= rememberedBlocks; i++) await mine();
  expect([wallet.pending(), wallet.funds()]).toEqual([[], []]);
});

/** Spends with an empty signature: coins that anybody can give. */
const anyone = Uint8Array.of(0x51);
const purse = p2wsh(anyone);
const raw = (tx: Transaction): Uint8Array => new Uint8Array(tx.toBuffer());
const clock = heldClock();
let base: Regtest;
beforeAll(async () => {
  base = await openRegtest(clock);
  base.mine(130, purse);
});

/** A wallet on a copy of the chain, which takes each change of it and broadcasts again as a node does. */
const onEmbedded = async () => {
  const regtest = base.copy();
  const chain = embeddedChain(regtest, clock);
  const store = memoryStore();
  const wallet = await Wallet.open({ store, keys: walletKeys, network: networkOf('regtest') });
  for (let height = 0; height <= regtest.ledger.tip.height; height++) {
    const block = regtest.ledger.at(height);
    if (block !== undefined) wallet.apply({ event: 'connected', block });
  }
  regtest.onSwitch(({ left, came }) => {
    for (const { height, hash } of left) wallet.apply({ event: 'disconnected', height, hash });
    for (const block of came) wallet.apply({ event: 'connected', block });
  });
  const refusals = new Refusals();
  const mine = async (only?: readonly Uint8Array[]): Promise<void> => {
    regtest.mine(1, foreign, only === undefined ? {} : { only });
    await rebroadcast(wallet, chain, keptLog(), refusals);
  };
  return { regtest, chain, wallet, mine };
};

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('deposit' as const), n: fc.nat(9) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('spend' as const), n: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('mine' as const), n: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('reorg' as const), n: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('double-spend' as const), n: fc.nat(4) }) },
  ),
  { minLength: 6, maxLength: 24 },
);

/** The shortest history in which something is given up. */
const taken = [
  { do: 'mine' as const, n: 0 },
  { do: 'deposit' as const, n: 0 },
  { do: 'spend' as const, n: 5 },
  { do: 'double-spend' as const, n: 0 },
];

test('whatever reorgs take, in the end the wallet has what the chain has, and nothing waits for what is gone', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { regtest, chain, wallet, mine } = await onEmbedded();
      let given = 0;
      const give = (script: Uint8Array, coin: number): Transaction => {
        const reward = base.ledger.at(1 + coin)?.transactions[0];
        const tx = payment(
          [{ txid: reward?.txid ?? chainTx(payment([], [])).txid, vout: 0 }],
          [{ script, amount: 100_000n + BigInt(coin) }],
        );
        tx.setWitness(0, [anyone]);
        return tx;
      };
      const coinOf = (tx: Transaction): number => Number((tx.outs[0]?.value ?? 0n) - 100_000n);
      const deposits = new Set<string>();
      for (const { do: what, n } of history) {
        const { tip } = regtest.ledger;
        if (what === 'deposit' && given < 25) {
          const tx = give(walletKeys.script({ branch: 0, index: n }), given++);
          deposits.add(tx.getId());
          await mine([raw(tx)]);
        }
        const can = wallet.spendable();
        const amount = n === 9 ? ('all' as const) : sat((can * BigInt(n + 1)) / 12n);
        if (what === 'spend' && can > 50_000n) await sendTo(wallet, chain, { ...to, amount }).catch(() => undefined);
        if (what === 'mine') for (let i = 0; i <= n; i++) await mine();
        if ((what === 'reorg' || what === 'double-spend') && tip.height - n > 130) {
          const lost: Block[] = [];
          for (let height = tip.height - n; height <= tip.height; height++) lost.push(regtest.ledger.at(height) ?? tip);
          regtest.drop(n + 1);
          const undone = lost.flatMap(({ transactions }) => transactions.filter(({ tx }) => deposits.has(tx.getId())));
          const rivals = what === 'reorg' ? [] : undone.map(({ tx }) => raw(give(foreign, coinOf(tx))));
          await mine(rivals);
          for (let i = 0; i <= n; i++) await mine([]);
        }
      }
      for (let i = 0; i <= rememberedBlocks; i++) await mine();
      expect(wallet.pending()).toEqual([]);
      const ours = [...regtest.ledger.coins].filter(([, { script }]) => wallet.owns(script)).map(([key]) => key);
      const held = wallet.funds().filter(({ status }) => status !== 'spent');
      expect(held.map(({ key, status }) => [key, status]).sort()).toEqual(ours.map((key) => [key, 'confirmed']).sort());
      expect(wallet.spendable()).toBe(held.reduce((sum, { amount }) => sum + amount, 0n));
    }),
    { numRuns: propertyRuns(12), examples: [[taken]] },
  );
});
