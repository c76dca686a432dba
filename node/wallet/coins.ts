/**
 * The wallet's state, as pure functions over blocks. Coins and the transactions that spent them carry the height of their block, so
 * that a reorg undoes exactly those. Transactions that the wallet sent are kept beside them; whether one is confirmed, unconfirmed or
 * double-spent is computed and never stored. Invariant: coins and spends are what a replay of the best chain would give.
 */
import { Transaction } from 'bitcoinjs-lib';
import { equal, hex, unhex } from '../../wire/bytes.ts';
import { type Sat, sat, type Txid, txid } from '../../wire/units.ts';
import { rememberedBlocks } from '../chain/followrules.ts';
import { outpointKey } from '../chain/watchrules.ts';
import type { Block, ChainEvent, ChainTx } from '../ports/ports.ts';
import type { KeyPath, ScriptIndex } from './keys.ts';

/** A confirmed output of ours. */
export interface Coin {
  readonly txid: Txid;
  readonly vout: number;
  readonly amount: Sat;
  readonly path: KeyPath;
  readonly height: number;
  readonly coinbase: boolean;
  readonly spent: { readonly txid: Txid; readonly height: number } | undefined;
}

/** A transaction that this wallet made and broadcast. */
export interface Sent {
  readonly txid: Txid;
  readonly raw: Uint8Array;
  /** Keys of the outpoints it spends. */
  readonly spends: readonly string[];
  /** Its change outputs. */
  readonly returns: readonly { readonly vout: number; readonly amount: Sat; readonly path: KeyPath }[];
  readonly height: number | undefined;
}

/** Indices of the next receiving address and of the next change address. */
export type NextIndices = readonly [given: number, change: number];

export interface WalletState {
  /** Height of the last block applied; -1 before the first. */
  readonly height: number;
  readonly next: NextIndices;
  /** By outpoint key. */
  readonly coins: ReadonlyMap<string, Coin>;
  /** By txid in hex. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** By outpoint key: the owner that the coin is reserved for. */
  readonly reserved: ReadonlyMap<string, string>;
  /** By txid in hex, a transaction in `sent` that was given up: the txid of the one that double-spends it. */
  readonly givenUp: ReadonlyMap<string, string>;
  /** By outpoint key, inputs of our unconfirmed transactions that are not there: the last height at which they may have been. */
  readonly absent: ReadonlyMap<string, number>;
}

/** A wallet that has applied no block. */
export const emptyWallet: WalletState = {
  height: -1,
  next: [0, 0],
  coins: new Map(),
  sent: new Map(),
  reserved: new Map(),
  givenUp: new Map(),
  absent: new Map(),
};

const withUsedPath = (next: NextIndices, { branch, index }: KeyPath): NextIndices => {
  if (index < next[branch]) return next;
  return branch === 0 ? [index + 1, next[1]] : [next[0], index + 1];
};

/**
 * Notes which inputs of our unconfirmed transactions are neither coins of the wallet nor made by another transaction of ours, and from
 * which height on. A reorg that takes a deposit out of the chain does that; the next block mostly brings it back.
 */
export const noteAbsent = (state: WalletState): WalletState => {
  const absent = new Map<string, number>();
  for (const ours of state.sent.values())
    for (const key of heightOf(state, ours) === undefined ? ours.spends : [])
      if (!state.coins.has(key) && !state.sent.has(key.slice(0, 64)))
        absent.set(key, state.absent.get(key) ?? state.height);
  const same = absent.size === state.absent.size && [...absent.keys()].every((key) => state.absent.has(key));
  return same ? state : { ...state, absent };
};

/** The wallet after bitcoind accepted this transaction of ours: inputs that the wallet does not see are in the mempool. */
export const withAccepted = (state: WalletState, id: Txid): WalletState => {
  const missed = state.sent
    .get(hex(id))
    ?.spends.filter((key) => (state.absent.get(key) ?? state.height) < state.height);
  if (missed === undefined || missed.length === 0) return state;
  const absent = new Map(state.absent);
  for (const key of missed) absent.set(key, state.height);
  return { ...state, absent };
};

/** The height of the first block without an input that has been absent for as deep as reorgs are followed; undefined for any other. */
const goneFrom = (state: WalletState, key: string): number | undefined => {
  const last = state.absent.get(key);
  return last !== undefined && last <= state.height - rememberedBlocks ? last + 1 : undefined;
};

/** These transactions of ours, and those that can no more confirm without them, by txid in hex. */
const withDescendants = (state: WalletState, first: readonly Sent[]): ReadonlyMap<string, Sent> => {
  const all = new Map(first.map((ours) => [hex(ours.txid), ours]));
  // A map that grows while it is gone through is gone through to its end.
  for (const [id, ours] of all)
    for (const child of heightOf(state, ours) === undefined ? state.sent.values() : [])
      if (child.spends.some((key) => key.startsWith(id))) all.set(hex(child.txid), child);
  return all;
};

/**
 * Forgets spent coins and the transactions that spent them, or wanted to, once no reorg that is followed can undo the spend, and
 * transactions whose coins are gone once that has been known for as long, unless these are reserved: see `hold`. With each goes what
 * hangs on it, and its reservations.
 */
const prune = (state: WalletState): WalletState => {
  const floor = state.height - rememberedBlocks;
  const spent = [...state.coins].filter(([, coin]) => coin.spent !== undefined && coin.spent.height <= floor);
  const absent = [...state.absent].filter(
    ([key, last]) => last <= floor - rememberedBlocks && !state.reserved.has(key) && !state.coins.has(key),
  );
  if (spent.length === 0 && absent.length === 0) return state;
  const old = new Set([...spent, ...absent].map(([key]) => key));
  const over = withDescendants(
    state,
    [...state.sent.values()].filter(({ spends }) => spends.some((key) => old.has(key))),
  );
  const coins = new Map(state.coins);
  for (const [key] of spent) coins.delete(key);
  const isOver = (key: string): boolean => old.has(key) || (over.has(key.slice(0, 64)) && !coins.has(key));
  const reserved = new Map([...state.reserved].filter(([key]) => !isOver(key)));
  const sent = new Map([...state.sent].filter(([id]) => !over.has(id)));
  const givenUp = new Map([...state.givenUp].filter(([id]) => sent.has(id)));
  return { ...state, coins, sent, reserved, givenUp };
};

const connect = (state: WalletState, block: Block, book: ScriptIndex): WalletState => {
  const coins = new Map(state.coins);
  const sent = new Map(state.sent);
  let { next } = state;
  let touched = false;
  block.transactions.forEach(({ txid: id, tx }, position) => {
    for (const input of tx.ins) {
      const key = outpointKey(input.hash, input.index);
      const coin = coins.get(key);
      if (coin === undefined) continue;
      coins.set(key, { ...coin, spent: { txid: id, height: block.height } });
      touched = true;
    }
    tx.outs.forEach(({ script, value }, vout) => {
      const path = book.pathOf(script);
      if (path === undefined) return;
      const coin = { txid: id, vout, amount: sat(value), path, height: block.height, coinbase: position === 0 };
      coins.set(outpointKey(id, vout), { ...coin, spent: undefined });
      next = withUsedPath(next, path);
      touched = true;
    });
    const ours = sent.size > 0 ? sent.get(hex(id)) : undefined;
    if (ours !== undefined) sent.set(hex(id), { ...ours, height: block.height });
  });
  const at = { ...state, height: block.height };
  return prune(touched ? { ...at, next, coins, sent } : at);
};

const disconnect = (state: WalletState, height: number): WalletState => {
  const coins = new Map<string, Coin>();
  for (const [key, coin] of state.coins) {
    if (coin.height >= height) continue;
    coins.set(key, coin.spent !== undefined && coin.spent.height >= height ? { ...coin, spent: undefined } : coin);
  }
  const sent = new Map<string, Sent>();
  for (const [id, ours] of state.sent)
    sent.set(id, ours.height !== undefined && ours.height >= height ? { ...ours, height: undefined } : ours);
  return { ...state, height: height - 1, coins, sent };
};

/** The wallet after a block was connected or disconnected. */
export const walletEvent = (state: WalletState, event: ChainEvent, book: ScriptIndex): WalletState =>
  noteAbsent(event.event === 'connected' ? connect(state, event.block, book) : disconnect(state, event.height));

/** The wallet after one block more of a replay of the whole chain: what is not there yet may be further up. */
export const replayBlock = connect;

/** The larger of two counts, for each branch. */
const maxIndices = (a: NextIndices, b: NextIndices): NextIndices => [Math.max(a[0], b[0]), Math.max(a[1], b[1])];

/** The wallet with at least that many addresses counted as used. */
export const withUsedAddresses = (state: WalletState, next: NextIndices): WalletState => ({
  ...state,
  next: maxIndices(state.next, next),
});

/** The wallet without anything from the chain: the start of a replay. */
export const beforeChain = ({ next, sent }: WalletState): WalletState => {
  const unmined = new Map([...sent].map(([id, ours]) => [id, { ...ours, height: undefined }]));
  return { ...emptyWallet, next, sent: unmined };
};

/** The wallet with what a replay of the whole chain found, and with what was sent and reserved during the replay. */
export const afterReplay = (state: WalletState, replayed: WalletState): WalletState => {
  const sent = new Map([...state.sent].map(([id, ours]) => [id, { ...ours, height: replayed.sent.get(id)?.height }]));
  const { height, coins } = replayed;
  return noteAbsent({ ...state, height, coins, sent, next: maxIndices(state.next, replayed.next) });
};

/** What the wallet records of a transaction of its own; `height` once it is confirmed. */
export const sentOf = (tx: Transaction, book: ScriptIndex, height?: number): Sent => ({
  txid: txid(tx.getHash()),
  raw: new Uint8Array(tx.toBuffer()),
  spends: tx.ins.map((input) => outpointKey(input.hash, input.index)),
  returns: tx.outs.flatMap(({ script, value }, vout) => {
    const path = book.pathOf(script);
    return path === undefined ? [] : [{ vout, amount: sat(value), path }];
  }),
  height,
});

/** The height of the block that confirms a transaction of ours; undefined while unconfirmed. */
export const heightOf = (state: WalletState, { txid: id, spends, height }: Sent): number | undefined => {
  if (height !== undefined) return height;
  const spent = spends.map((key) => state.coins.get(key)?.spent).find((one) => one !== undefined);
  return spent !== undefined && equal(spent.txid, id) ? spent.height : undefined;
};

/** The wallet after this transaction was broadcast: its inputs are spent, its change is ours. Doing it again changes nothing. */
export const withSent = (state: WalletState, sent: Sent): WalletState => {
  // One that is broadcast again may be confirmed already, or given up: then its coins are free, or reserved for others by now.
  if (state.sent.has(hex(sent.txid))) return state;
  const reserved = new Map(state.reserved);
  for (const key of sent.spends) reserved.delete(key);
  return noteAbsent({
    ...state,
    next: sent.returns.reduce((next, { path }) => withUsedPath(next, path), state.next),
    sent: new Map(state.sent).set(hex(sent.txid), sent),
    reserved,
  });
};

/** The wallet as if that transaction had never been sent; a confirmed one stays. */
export const withoutSent = (state: WalletState, id: Txid): WalletState => {
  const known = state.sent.get(hex(id));
  if (known === undefined || heightOf(state, known) !== undefined) return state;
  const sent = new Map(state.sent);
  sent.delete(hex(id));
  const givenUp = new Map([...state.givenUp].filter(([, by]) => by !== hex(id)));
  return noteAbsent({ ...state, sent, givenUp });
};

/** The wallet after this transaction of its own double-spends another one, which is given up. */
export const giveUp = (state: WalletState, id: Txid, by: Sent): WalletState => {
  const next = withSent(state, by);
  return { ...next, givenUp: new Map(next.givenUp).set(hex(id), hex(by.txid)) };
};

/** Reserves these outpoints for an owner. */
export const reserve = (state: WalletState, owner: string, keys: readonly string[]): WalletState => {
  const reserved = new Map(state.reserved);
  for (const key of keys) reserved.set(key, owner);
  return { ...state, reserved };
};

/** Releases all outpoints reserved for an owner. */
export const release = (state: WalletState, owner: string): WalletState => {
  const reserved = new Map([...state.reserved].filter(([, promised]) => promised !== owner));
  return reserved.size === state.reserved.size ? state : { ...state, reserved };
};

/**
 * Our unconfirmed transactions that can and should still confirm, parents first: no other transaction in the chain spends one of their
 * inputs, none of these is gone, and none of their ancestors was double-spent or given up.
 */
export const pending = (state: WalletState): readonly Sent[] => {
  const alive = new Map<string, Sent>();
  const mined = (ours: Sent | undefined): boolean => ours !== undefined && heightOf(state, ours) !== undefined;
  const lost = new Set([...state.givenUp.keys()].filter((id) => !mined(state.sent.get(id))));
  let waiting = [...state.sent.values()].filter((ours) => !mined(ours) && !lost.has(hex(ours.txid)));
  for (let before = -1; waiting.length !== before; ) {
    before = waiting.length;
    waiting = waiting.filter((ours) => {
      const parents = ours.spends.map((key) => key.slice(0, 64));
      const taken = ours.spends.some(
        (key) => state.coins.get(key)?.spent !== undefined || goneFrom(state, key) !== undefined,
      );
      if (taken || parents.some((id) => lost.has(id))) lost.add(hex(ours.txid));
      else if (parents.every((id) => alive.has(id) || mined(state.sent.get(id)) || !state.sent.has(id)))
        alive.set(hex(ours.txid), ours);
      else return true;
      return false;
    });
  }
  return [...alive.values()];
};

/** What keeps one of ours from ever being confirmed: a confirmed transaction that spends the same coin, or a reorg that took the coin. */
export interface Rival {
  /** Undefined where the coin left the chain, and neither block nor mempool has had it for as deep as reorgs are followed. */
  readonly txid: Txid | undefined;
  /** Of its block, or of the first one without the coin. */
  readonly height: number;
}

const firstOf = (rivals: readonly (Rival | undefined)[]): Rival | undefined =>
  rivals.reduce((first, one) =>
    first === undefined || (one !== undefined && one.height < first.height) ? one : first,
  );

/**
 * What conflicts with one of ours or with one of its ancestors; undefined where nothing does. Where several do, the deepest transaction,
 * since only that is for good: coins may come back.
 */
export const rivalOf = (state: WalletState, id: Txid): Rival | undefined => {
  const ours = state.sent.get(hex(id));
  if (ours === undefined || heightOf(state, ours) !== undefined) return undefined;
  const rivals = ours.spends.map((key) => {
    const height = goneFrom(state, key);
    const gone = height === undefined ? undefined : { txid: undefined, height };
    return state.coins.get(key)?.spent ?? gone ?? rivalOf(state, txid(unhex(key.slice(0, 64))));
  });
  const taken = rivals.filter((rival) => rival?.txid !== undefined);
  return firstOf(taken.length > 0 ? taken : rivals);
};

/** Our transactions that are given up since a reorg took their coins or those of an ancestor, and nothing brought them back. */
export const abandoned = (state: WalletState): readonly Txid[] =>
  [...state.sent.values()].flatMap(({ txid: id }) => {
    const rival = rivalOf(state, id);
    return rival !== undefined && rival.txid === undefined ? [id] : [];
  });

/**
 * Reserves for an owner the inputs that are absent of this transaction and of its ancestors. So the wallet keeps the transaction until
 * they are released, and broadcasts it again once they are back, however late.
 */
export const hold = (state: WalletState, owner: string, id: Txid): WalletState => {
  const keys = new Set(state.sent.get(hex(id))?.spends);
  // A set that grows while it is gone through is gone through to its end.
  for (const key of keys) for (const further of state.sent.get(key.slice(0, 64))?.spends ?? []) keys.add(further);
  const open = [...keys].filter((key) => state.absent.has(key) && !state.reserved.has(key));
  return open.length === 0 ? state : reserve(state, owner, open);
};

/** A transaction of ours, serialized. */
export const sentTx = (sent: Sent): ChainTx => ({ txid: sent.txid, tx: Transaction.fromBuffer(sent.raw) });
