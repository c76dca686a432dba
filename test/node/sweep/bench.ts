/**
 * A claim engine at work on the embedded chain: a wallet that follows it, outputs of a key to be claimed, and a stand-in for
 * channels that claims each of them until a block of the best chain spends it. `restart` begins anew from what was kept.
 */

import { script as codec, Transaction } from 'bitcoinjs-lib';
import type { Claim, ClaimReason } from '../../../channel/model/claim.ts';
import { systemClock } from '../../../node/base/entropy.ts';
import { Follower } from '../../../node/chain/follower.ts';
import { outpointKey } from '../../../node/chain/watchrules.ts';
import { networkOf } from '../../../node/ports/network.ts';
import type { Chain } from '../../../node/ports/ports.ts';
import { embeddedChain } from '../../../node/regtest/chain/chain.ts';
import { openRegtest } from '../../../node/regtest/chain/regtest.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import { ChannelGone, ClaimEngine } from '../../../node/sweep/engine.ts';
import { keysOf } from '../../../node/wallet/keys.ts';
import { Wallet } from '../../../node/wallet/wallet.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { sha256, sign } from '../../../wire/crypto.ts';
import { sat, txid } from '../../../wire/units.ts';
import { heldClock, keptLog } from '../../support/quiet.ts';
import { elsewhere, type KeyCoin, keyring, type Output, rawOf } from '../../support/spend.ts';

/** A claim whose kind and lock a test chooses; the rest follows from the coin. */
type Wish =
  | { readonly kind: 'sweep'; readonly sequence?: number; readonly beside?: KeyCoin }
  | { readonly kind: 'htlc'; readonly locktime?: number }
  | { readonly kind: 'bump'; readonly parent: Transaction; readonly parentFee: bigint; readonly wallets?: boolean }
  | { readonly kind: 'ready'; readonly tx: Transaction };
type When = { readonly from?: number; readonly deadline?: number; readonly why?: ClaimReason };

const channel = 'channel';

/** Where a coin is and what it holds, as a claim says it. */
const besideOf = ({ txid: id, vout, amount }: KeyCoin) => ({
  outpoint: { txid: txid(id), index: vout },
  value: sat(amount),
});

export const openBench = async (over: (chain: Chain) => Chain = (chain) => chain) => {
  const regtest = await openRegtest(systemClock);
  const records = new Map<string, Uint8Array>();
  const miner = keyring('the miner of the bench');
  const owner = keyring('whose outputs are claimed');
  const keyCode = codec.compile([0x76, 0xa9, owner.script.subarray(2), 0x88, 0xac]);
  regtest.mine(8, miner.script);
  regtest.mine(100, elsewhere);
  const rewards = Array.from({ length: 8 }, (_, i) => {
    const tx = regtest.ledger.at(i + 1)?.transactions[0]?.tx;
    if (tx === undefined) throw new Error('no coinbase');
    return miner.coinOf(tx, 0);
  });

  /** Sends outputs from the miner's money and mines them. */
  const pay = (outputs: readonly Output[]): Transaction => {
    const from = rewards.shift();
    if (from === undefined) throw new Error('the bench has no money left');
    const given = outputs.reduce((sum, { amount }) => sum + amount, 0n);
    const tx = miner.spend([from], [...outputs, { script: miner.script, amount: from.amount - given - 20_000n }]);
    regtest.mine(1, elsewhere, { only: [rawOf(tx)] });
    rewards.push(miner.coinOf(tx, outputs.length));
    return tx;
  };

  /** What the stand-in wants until the chain has it. */
  const wanted: Claim[] = [];

  /** Claims whose channel is no more by the time that they are signed. */
  const gone = new Set<object>();

  /** What each block spends, by height, as the follower told it. */
  const spends = new Map<number, ReadonlySet<string>>();

  const begin = async () => {
    const log = keptLog();
    const clock = heldClock();
    const chain = over(embeddedChain(regtest, systemClock));
    const store = memoryStore(records);
    const failures: unknown[] = [];
    const fatal = (error: unknown): void => void failures.push(error);
    const wallet = await Wallet.open({ store, keys: keysOf(sha256(utf8('wallet')), 1), network: networkOf('regtest') });
    const engine: ClaimEngine = await ClaimEngine.open({
      ...{ chain, store, wallet, clock, log, fatal },
      height: () => follower.top.height,
      stake: () => sat(1_000_000n),
      witness: (_, input, digest) => {
        if (gone.has(input)) throw new ChannelGone();
        return [codec.signature.encode(sign(digest, owner.secret), Transaction.SIGHASH_ALL), owner.key];
      },
    });
    /** Whether a block that the follower has told of spends it. */
    const spent = ({ txid: id, index }: Claim['outpoint']): boolean =>
      [...spends.values()].some((keys) => keys.has(outpointKey(id, index)));
    const there = ({ outpoint: { txid: id, index }, kind }: Claim): boolean =>
      kind === 'bump' || regtest.coin({ txid: id, vout: index }) !== undefined;
    let said: readonly Claim[] = [];
    const tell = (): void => {
      const open = wanted.filter((claim) => there(claim) && !spent(claim.outpoint));
      if (open.length !== said.length || open.some((claim, i) => claim !== said[i])) engine.setClaims(channel, open);
      said = open;
    };
    const follower: Follower = new Follower({
      ...{ chain, store, clock: systemClock, log },
      birth: 0,
      listeners: [
        wallet,
        {
          apply: (event) => {
            if (event.event === 'disconnected') spends.delete(event.height);
            else {
              const inputs = event.block.transactions.flatMap(({ tx }) => tx.ins);
              const keys = inputs.map(({ hash, index }) => outpointKey(txid(hash), index));
              spends.set(event.block.height, new Set(keys));
            }
            return [];
          },
          applied: () => {
            tell();
            engine.checkSoon();
          },
        },
      ],
    });
    await follower.start(fatal);
    const caughtUp = async (): Promise<void> => {
      while (follower.top.hash !== regtest.ledger.tip.hash) {
        if (failures.length > 0) throw failures[0];
        await new Promise(setImmediate);
      }
      await new Promise(setImmediate);
      await engine.settled();
      if (failures.length > 0) throw failures[0];
    };
    await caughtUp();
    tell();
    await engine.start(() => true);
    await engine.settled();
    const stop = async (): Promise<void> => {
      await engine.stop();
      await follower.stop();
      await store.close();
    };
    return { log, clock, chain, wallet, engine, follower, tell, caughtUp, stop };
  };

  let now = await begin();
  const mine = async (blocks = 1): Promise<void> => {
    for (let i = 0; i < blocks; i++) {
      regtest.mine(1, elsewhere);
      await now.caughtUp();
    }
  };
  const spenderOf = ({ outpoint }: Claim): Transaction | undefined =>
    regtest.spender({ txid: outpoint.txid, vout: outpoint.index })?.tx;

  return {
    regtest,
    records,
    owner,
    mine,
    spenderOf,
    get wallet() {
      return now.wallet;
    },
    get engine() {
      return now.engine;
    },
    get lines() {
      return now.log.lines;
    },
    get clock() {
      return now.clock;
    },
    /** Blocks taken off, the wallet and the engine told. */
    drop: async (blocks: number): Promise<void> => {
      regtest.drop(blocks);
      await now.caughtUp();
    },
    caughtUp: () => now.caughtUp(),
    /** An output of the owner's key in a block. */
    output: async (amount: bigint): Promise<KeyCoin> => {
      const coin = owner.coinOf(pay([{ script: owner.script, amount }]), 0);
      await now.caughtUp();
      return coin;
    },
    /** Coins for the wallet. */
    deposit: async (...amounts: readonly bigint[]): Promise<void> => {
      const { script } = await now.wallet.newAddress();
      pay(amounts.map((amount) => ({ script, amount })));
      await now.caughtUp();
    },
    /** Claims a coin from now on. */
    claim: async (
      { txid: id, vout, amount }: KeyCoin,
      wish: Wish,
      when: When & { gone?: true } = {},
    ): Promise<Claim> => {
      const base = {
        outpoint: { txid: txid(id), index: vout },
        value: sat(amount),
        from: when.from ?? 0,
        deadline: when.deadline,
        why: when.why ?? 'to_local',
      } as const;
      const input = { scriptCode: keyCode, witnessWeight: 108, unlock: { by: 'payment' } } as const;
      const pays = { value: sat(amount), script: Uint8Array.of(0, 32, ...new Uint8Array(32).fill(7)) };
      const made: Claim =
        wish.kind === 'sweep'
          ? {
              ...{ ...base, ...input, kind: 'sweep', sequence: wish.sequence ?? 0, locktime: 0 },
              ...(wish.beside && { anchor: { ...input, ...besideOf(wish.beside), sequence: 0xfffffffd } }),
            }
          : wish.kind === 'htlc'
            ? { ...base, ...input, kind: 'htlc', sequence: 1, locktime: wish.locktime ?? 0, pays }
            : wish.kind === 'bump'
              ? {
                  ...{ ...base, ...input, kind: 'bump', sequence: 0 },
                  ...{ parent: rawOf(wish.parent), parentFee: sat(wish.parentFee) },
                  ...(wish.wallets && { unlock: { by: 'wallet', script: owner.script } }),
                }
              : { ...base, kind: 'ready', tx: rawOf(wish.tx) };
      wanted.push(made);
      if (when.gone) gone.add(made);
      now.tell();
      await now.engine.settled();
      return made;
    },
    /** Claims nothing of this any more, whatever the chain says. */
    unclaim: async (claim: Claim): Promise<void> => {
      wanted.splice(wanted.indexOf(claim), 1);
      now.tell();
      await now.engine.settled();
    },
    restart: async (): Promise<void> => {
      await now.stop();
      now = await begin();
    },
    stop: () => now.stop(),
    /** Satoshi in confirmed coins of the wallet, those promised included. */
    balance: (): bigint =>
      now.wallet.funds().reduce((sum, { status, amount }) => sum + (status === 'confirmed' ? amount : 0n), 0n),
  };
};

export type Bench = Awaited<ReturnType<typeof openBench>>;

/** The id of a transaction, as people write it. */
export const idOf = (tx: Transaction | undefined): string | undefined => tx?.getId();
/** What a transaction pays, given what the coins it spends were worth. */
export const feeOf = (tx: Transaction | undefined, ...spent: readonly bigint[]): bigint =>
  spent.reduce((sum, one) => sum + one, 0n) - (tx?.outs ?? []).reduce((sum, { value }) => sum + value, 0n);

/** Benches that are stopped after each test of the file. */
export const benchesOf = (afterEach: (run: () => Promise<void>) => void) => {
  const benches: Bench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.stop();
  });
  return async (over?: (chain: Chain) => Chain): Promise<Bench> => {
    const bench = await openBench(over);
    benches.push(bench);
    return bench;
  };
};
