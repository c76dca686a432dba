/**
 * Two channel machines on a chain that checks every script, and around each of them the little that a node does for a channel
 * on chain: it watches, tells, and puts claims together. Who mines what, and when, is for the test to say.
 */

import { Transaction } from 'bitcoinjs-lib';
import { claimWitness, keyScriptCode } from '../../channel/claims/claimwitness.ts';
import type { Claim } from '../../channel/model/claim.ts';
import type { Context, Input } from '../../channel/model/io.ts';
import { pastAt } from '../../channel/model/persist.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import type { CommitmentFormat } from '../../channel/tx/commitmentformats.ts';
import type { Outpoint } from '../../channel/tx/funding.ts';
import { derSignature } from '../../channel/tx/signing.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { openRegtest, type Regtest } from '../../node/regtest/chain/regtest.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { sign } from '../../wire/crypto.ts';
import { type Msat, msat, type Sat, txid } from '../../wire/units.ts';
import { record, recordCleared } from '../support/mirror.ts';
import { elsewhere, type KeyCoin, type Keyring, keyring, rawOf } from '../support/spend.ts';
import {
  acceptRequest,
  begin,
  context,
  deliver,
  give,
  limits,
  openRequest,
  type Pair,
  restart,
  settle,
} from './pair.ts';

export type Who = 'a' | 'b';
export const both: readonly Who[] = ['a', 'b'];
export type FormatName = CommitmentFormat['name'];
export const formatNames: readonly FormatName[] = ['static_remotekey', 'anchors_zero_fee_htlc_tx'];

interface Seen {
  readonly tx: Transaction;
  readonly height: number;
  readonly txIndex: number;
}

interface Watch {
  readonly outpoint: Outpoint;
  /** What was told last. */
  told: Seen | undefined;
}

/** What a node keeps and does for one side. */
export interface Keeper {
  readonly wallet: Keyring;
  /** Coins for fees, and which claim has which. */
  readonly coins: KeyCoin[];
  readonly spent: Map<string, KeyCoin>;
  watches: Map<string, Watch>;
  /** All that was said with `claims`, in order; the last one counts. */
  readonly said: (readonly Claim[])[];
  funding: string;
  /** What the transactions of its claims pay to miners, by id. */
  readonly paid: Map<string, bigint>;
  /** Effects of `side.asked` that were dealt with. */
  done: number;
}

export interface World {
  readonly chain: Regtest;
  readonly pair: Pair;
  readonly keepers: Readonly<Record<Who, Keeper>>;
  /** Height of the first block that the channel may be in. */
  readonly base: number;
  readonly index: { tip: string; spenders: ReadonlyMap<string, Seen> };
}

const keyOf = ({ txid, index }: Outpoint): string => `${hex(txid)}:${index}`;
export const txOf = (raw: Uint8Array): Transaction => Transaction.fromBuffer(raw);
export const hashOfTx = (tx: Transaction) => txid(new Uint8Array(tx.getHash()));
const fail = (what: string): never => {
  throw new Error(what);
};

export const tip = ({ chain }: Pick<World, 'chain'>): number => chain.ledger.tip.height;
const at = (world: World): Context => ({ ...context, height: tip(world) });

/** Gives an input to one side at the chain's height, and does what a node does about what the side asks. */
export const tell = (world: World, who: Who, input: Input): void => {
  give(world.pair, world.pair[who], input, at(world));
  keep(world, who);
};

/** Who spends each output in the best chain, from the world's first block on; worked out once for each tip. */
const spenders = ({ chain, base, index }: World): ReadonlyMap<string, Seen> => {
  if (index.tip === chain.ledger.tip.hash) return index.spenders;
  const out = new Map<string, Seen>();
  index.tip = chain.ledger.tip.hash;
  index.spenders = out;
  for (let height = base; height <= chain.ledger.tip.height; height++)
    chain.ledger.at(height)?.transactions.forEach(({ tx }, txIndex) => {
      for (const { hash, index } of tx.ins) out.set(`${hex(new Uint8Array(hash))}:${index}`, { tx, height, txIndex });
    });
  return out;
};

const notice = (keeper: Keeper, key: string, { outpoint, told }: Watch): Input => {
  if (told === undefined)
    return key === keeper.funding ? { type: 'funding_unspent' } : { type: 'output_unspent', outpoint };
  const spend = { tx: rawOf(told.tx), height: told.height };
  return key === keeper.funding ? { type: 'funding_spent', ...spend } : { type: 'output_spent', outpoint, ...spend };
};

/** Deals with what a side asked of the world; what it is told makes it ask again. */
const keep = (world: World, who: Who): void => {
  const side = world.pair[who];
  const keeper = world.keepers[who];
  const now = spenders(world);
  const watch = (outpoint: Outpoint): void => {
    const key = keyOf(outpoint);
    const watched: Watch = { outpoint, told: now.get(key) };
    keeper.watches.set(key, watched);
    give(world.pair, side, notice(keeper, key, watched), at(world));
  };
  while (keeper.done < side.asked.length) {
    const effect = side.asked[keeper.done++];
    if (effect?.do === 'watch_funding') {
      const outpoint = { txid: effect.txid, index: effect.output };
      keeper.funding = keyOf(outpoint);
      watch(outpoint);
    } else if (effect?.do === 'watch_outputs') effect.outpoints.forEach(watch);
    else if (effect?.do === 'claims') keeper.said.push(effect.claims);
    else if (effect?.do === 'load_past')
      give(world.pair, side, { type: 'past_loaded', htlcs: pastAt(side.disk, effect.number) }, at(world));
  }
};

/** What changed in the chain, told to one side: spends that came, went or moved. */
const tellChanges = (world: World, who: Who): void => {
  const keeper = world.keepers[who];
  const now = spenders(world);
  for (const [key, watched] of [...keeper.watches]) {
    const seen = now.get(key);
    const before = watched.told;
    if (seen?.height === before?.height && seen?.tx === before?.tx) continue;
    if (before !== undefined) {
      watched.told = undefined;
      tell(world, who, notice(keeper, key, watched));
    }
    if (seen !== undefined) {
      watched.told = seen;
      tell(world, who, notice(keeper, key, watched));
    }
  }
};

/** Mines one block of exactly these, tells both sides, and who the block is told to first says `order`. */
export const mine = (world: World, transactions: readonly Uint8Array[] = [], who: readonly Who[] = both): void => {
  world.chain.mine(1, elsewhere, { only: transactions });
  for (const one of who) {
    tellChanges(world, one);
    tell(world, one, { type: 'block', height: tip(world) });
  }
};

/** Takes the last blocks off the chain and says so. */
export const unwind = (world: World, blocks: number): void => {
  world.chain.drop(blocks);
  for (const who of both) tellChanges(world, who);
};

export const mineTo = (world: World, height: number): void => {
  while (tip(world) < height) mine(world);
};

/** What a side wants claimed now. */
export const claimsOf = (world: World, who: Who): readonly Claim[] => world.keepers[who].said.at(-1) ?? [];

/** The fee of every claim that is put together here. */
export const FEE = 300n;

const coinFor = ({ chain, keepers }: World, who: Who, { outpoint }: Claim): KeyCoin => {
  const { coins, spent } = keepers[who];
  const known = spent.get(keyOf(outpoint));
  if (known !== undefined) return known;
  const taken = new Set(spent.values());
  const coin = coins.find((one) => !taken.has(one) && chain.coin(one) !== undefined) ?? fail('no coin for fees');
  spent.set(keyOf(outpoint), coin);
  return coin;
};

/** A claim as a transaction, as a node would publish it. What the claim itself does not pay for, the wallet pays. */
export const assemble = (world: World, who: Who, claim: Claim): Uint8Array => {
  const { wallet, paid } = world.keepers[who];
  if (claim.kind === 'ready') {
    const tx = txOf(claim.tx);
    paid.set(tx.getId(), claim.value - (tx.outs[0]?.value ?? 0n));
    return claim.tx;
  }
  const tx = new Transaction();
  tx.version = 2;
  tx.locktime = claim.kind === 'bump' ? 0 : claim.locktime;
  tx.addInput(claim.outpoint.txid, claim.outpoint.index, claim.sequence);
  if (claim.kind === 'sweep' && claim.value > 2n * FEE) tx.addOutput(wallet.script, claim.value - FEE);
  else {
    const coin = coinFor(world, who, claim);
    if (claim.kind === 'htlc') tx.addOutput(claim.pays.script, claim.pays.value);
    tx.addInput(coin.txid, coin.vout, 0xfffffffd);
    tx.addOutput(wallet.script, coin.amount - FEE + (claim.kind === 'htlc' ? 0n : claim.value));
    const digest = tx.hashForWitnessV0(1, keyScriptCode(wallet.key), coin.amount, Transaction.SIGHASH_ALL);
    tx.setWitness(1, [derSignature(sign(digest, wallet.secret), Transaction.SIGHASH_ALL), wallet.key]);
  }
  const digest = tx.hashForWitnessV0(0, claim.scriptCode, claim.value, Transaction.SIGHASH_ALL);
  tx.setWitness(0, [...claimWitness(funded(world.pair[who].state), claim, digest)]);
  paid.set(tx.getId(), FEE);
  return rawOf(tx);
};

const funded = (state: ChannelState) => ('core' in state ? state : fail(`no channel in phase ${state.phase}`));

/** What a side has in its wallet beyond what it began with. */
export const gained = ({ chain, keepers }: World, who: Who): bigint => {
  const { wallet, coins } = keepers[who];
  const began = coins.reduce((sum, { amount }) => sum + amount, 0n);
  const has = [...chain.ledger.coins.values()].filter(({ script }) => equal(script, wallet.script));
  return has.reduce((sum, { value }) => sum + value, 0n) - began;
};

/** What its claims that are in the chain paid to miners. */
export const feesOf = ({ chain, keepers, base }: World, who: Who): bigint => {
  let sum = 0n;
  for (let height = base; height <= chain.ledger.tip.height; height++)
    for (const { tx } of chain.ledger.at(height)?.transactions ?? []) sum += keepers[who].paid.get(tx.getId()) ?? 0n;
  return sum;
};

/** Ends the process of one side and starts it again: what it was told it is told again, where it asks. */
export const reboot = (world: World, who: Who): void => {
  const keeper = world.keepers[who];
  const side = world.pair[who];
  keeper.watches = new Map();
  keeper.done = side.asked.length;
  restart(world.pair, side);
  keep(world, who);
};

/**
 * A side of the world as it would be if it had slept since its records were these, and now saw the chain for the first time.
 * Nothing of what it does is seen by the other.
 */
export const latecomer = (world: World, who: Who, disk: ReadonlyMap<string, Uint8Array>): World => {
  const { wallet, coins } = world.keepers[who];
  const side = { ...world.pair[who], disk: new Map(disk), inbox: [], events: [], broadcasts: [], asked: [] };
  const pair = { ...world.pair, a: { ...world.pair.a, inbox: [] }, b: { ...world.pair.b, inbox: [] }, [who]: side };
  const late: World = { ...world, pair, keepers: { ...world.keepers, [who]: keeperOf(who, coins) } };
  restart(pair, side);
  keep(late, who);
  tell(late, who, { type: 'block', height: tip(late) });
  return { ...late, keepers: { ...late.keepers, [who]: { ...late.keepers[who], wallet } } };
};

export interface Setting {
  readonly format: FormatName;
  /** What `b` has at the start, of 1,000,000 sat. */
  readonly push?: Msat;
  /** Of `b`. */
  readonly dust?: Sat;
}

/** Blocks that each side's own outputs wait: short, so that a test sees all of it. */
export const delays: Readonly<Record<Who, number>> = { a: 12, b: 9 };

const keeperOf = (who: Who, coins: KeyCoin[]): Keeper => ({
  ...{
    wallet: walletOf(who),
    coins,
    spent: new Map(),
    watches: new Map(),
    said: [],
    funding: '',
    paid: new Map(),
    done: 0,
  },
});
const walletOf = (who: Who): Keyring => keyring(`wallet of ${who}`);
const miner = keyring('miner');

/** A chain whose first coin may be spent. */
const newChain = async (): Promise<Regtest> => {
  const chain = await openRegtest(systemClock);
  record(chain);
  chain.mine(1, miner.script);
  chain.mine(110, elsewhere);
  return chain;
};

/** A channel in use, funded on the chain by `a`; the chain's tip is the funding transaction's block. */
const openWorld = (
  chain: Regtest,
  { format, push = msat(400_000_000n), dust = acceptRequest.limits.dustLimit }: Setting,
): World => {
  const channelType = { format, scidAlias: false };
  const sides = begin(
    { ...openRequest, channelType, push, limits: { ...limits, toSelfDelay: delays.b } },
    {
      ...acceptRequest,
      limits: { ...acceptRequest.limits, dustLimit: dust, toSelfDelay: delays.a, minimumDepth: 1 },
    },
  );
  const pair: Pair = { ...sides, height: () => tip({ chain }) };
  deliver(pair, pair.a);
  const asked = pair.a.asked.at(-1);
  if (asked?.do !== 'fund') return fail('nothing to fund');
  const coin = chain.ledger.at(1)?.transactions[0] ?? fail('no coin');
  const fees = (who: Who) => new Array(20).fill({ script: walletOf(who).script, amount: 20_000n });
  const tx = miner.spend(
    [miner.coinOf(coin.tx, 0)],
    [
      { script: asked.script, amount: asked.amount },
      ...fees('a'),
      ...fees('b'),
      { script: miner.script, amount: 10n ** 8n },
    ],
  );
  const coinsOf = (who: Who, from: number) =>
    tx.outs.slice(from, from + 20).map((_, i) => walletOf(who).coinOf(tx, from + i));
  const keepers = { a: keeperOf('a', coinsOf('a', 1)), b: keeperOf('b', coinsOf('b', 21)) };
  const index = { tip: '', spenders: new Map<string, Seen>() };
  const world: World = { chain, pair, keepers, base: tip({ chain }) + 1, index };
  give(pair, pair.a, { type: 'funding_created_by_wallet', tx: rawOf(tx), output: 0 });
  settle(pair);
  mine(world, [rawOf(tx)]);
  const depth = { depth: 1, height: tip(world), txIndex: 1, amount: asked.amount, script: asked.script };
  for (const who of both) tell(world, who, { type: 'funding_depth', ...depth });
  settle(pair);
  return world;
};

/** Makes channels, one after the other, on one chain: each begins where the first one did. */
export const stage = async (): Promise<(format?: FormatName, more?: Omit<Setting, 'format'>) => World> => {
  const chain = await newChain();
  const base = tip({ chain });
  return (format = 'anchors_zero_fee_htlc_tx', more = {}) => {
    chain.drop(tip({ chain }) - base);
    chain.pool.clear();
    recordCleared();
    return openWorld(chain, { format, ...more });
  };
};
export type Stage = Awaited<ReturnType<typeof stage>>;
