/** Many coins of one key on a chain under test, and how that chain answers what is done with them. */

import type { Transaction } from 'bitcoinjs-lib';
import { expect } from 'vitest';
import { networkOf } from '../../node/ports/network.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { hex } from '../../wire/bytes.ts';
import { elsewhere, type KeyCoin, type Keyring, keyring, rawOf } from '../support/spend.ts';
import type { ChainUnderTest } from './chain.ts';

export interface RulesUnderTest extends ChainUnderTest {
  /** Mines one block of exactly these transactions, none for an empty one, and gives its hash. */
  mineOnly(transactions: readonly Uint8Array[], address: string): Promise<string>;
}

const network = networkOf('regtest');
const addressOf = (script: Uint8Array): string => addressOfScript(script, network) ?? '';

/** Satoshi in every coin of a purse. */
export const coinAmount = 1_000_000n;
const coinsAtOnce = 60;

export interface Purse {
  readonly keys: Keyring;
  readonly chain: Chain;
  /** A confirmed coin nobody has used yet; P2WSH of `code` where given, else P2WPKH. */
  coin(code?: Uint8Array): Promise<KeyCoin>;
  /** `taken`, or the refusal's code. */
  answer(tx: Transaction): Promise<string>;
  /** The same of a transaction handed over with one that hangs on it. */
  answerPackage(parent: Transaction, child: Transaction): Promise<string>;
  /** Broadcasts what must be taken. */
  send(tx: Transaction): Promise<Transaction>;
  /** Mines what waits, to nobody here. */
  mine(blocks?: number): Promise<readonly string[]>;
  mineOnly(...transactions: readonly Transaction[]): Promise<string>;
  invalidate(hash: string): Promise<void>;
  /** The id of the waiting transaction that spends a coin. */
  spenderOf(coin: KeyCoin): Promise<string | undefined>;
  /** A coinbase of this key at the height it was mined. */
  reward(): Promise<KeyCoin & { readonly height: number }>;
}

export const idOf = (tx: Transaction): string => hex(tx.getHash());

const answerOf = (sent: Promise<void>): Promise<string> =>
  sent.then(
    () => 'taken',
    (error: { fault?: { refusal?: string } }) => error.fault?.refusal ?? String(error),
  );

/** Opens a purse: mines until there is something in it. */
export const openPurse = async (under: RulesUnderTest, seed: string): Promise<Purse> => {
  const { chain } = under;
  const keys = keyring(seed);
  const away = addressOf(elsewhere);
  const mine = (blocks = 1) => under.mine(blocks, away);
  const send = async (tx: Transaction): Promise<Transaction> => {
    await chain.broadcast(rawOf(tx));
    return tx;
  };
  const reward = async () => {
    const [hash = ''] = await under.mine(1, addressOf(keys.script));
    const { height, transactions } = await chain.block(hash);
    const [coinbase] = transactions;
    if (coinbase === undefined) throw new Error('a block without a coinbase');
    return { ...keys.coinOf(coinbase.tx, 0), height };
  };

  const rewards: KeyCoin[] = [];
  for (let i = 0; i < 8; i++) rewards.push(await reward());
  await mine(100);
  const small: KeyCoin[] = [];
  const refill = async (code?: Uint8Array): Promise<void> => {
    const from = rewards.shift();
    if (from === undefined) throw new Error('the purse is empty');
    const count = code === undefined ? coinsAtOnce : 1;
    const outputs = Array.from({ length: count }, () => ({ script: keys.scriptOf(code), amount: coinAmount }));
    const rest = from.amount - coinAmount * BigInt(count) - 10_000n;
    const tx = await send(keys.spend([from], [...outputs, { script: keys.script, amount: rest }]));
    await mine();
    rewards.push(keys.coinOf(tx, count));
    for (let i = 0; i < count; i++) small.push(keys.coinOf(tx, i, code));
  };

  return {
    keys,
    chain,
    mine,
    send,
    reward,
    coin: async (code) => {
      if (code !== undefined || small.length === 0) await refill(code);
      const coin = code === undefined ? small.shift() : small.pop();
      if (coin === undefined) throw new Error('the purse is empty');
      return coin;
    },
    answer: async (tx) => {
      const raw = rawOf(tx);
      const wouldBe = await answerOf(chain.testAccept(raw));
      const answer = await answerOf(chain.broadcast(raw));
      // Whoever asks first is told the same.
      expect(wouldBe).toBe(answer);
      return answer;
    },
    answerPackage: (parent, child) => answerOf(chain.broadcastPackage(rawOf(parent), rawOf(child))),
    mineOnly: (...transactions) => under.mineOnly(transactions.map(rawOf), away),
    invalidate: (hash) => under.invalidate(hash),
    spenderOf: async (coin) => {
      const found = await chain.mempoolSpender(coin);
      return found && hex(found.txid);
    },
  };
};
