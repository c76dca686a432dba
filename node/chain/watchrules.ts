/**
 * Watches on the chain, as pure functions over its events: for a transaction to reach a depth, for an output to be spent. What was
 * seen is stored with the watch, so that a restart needs no rescan; a reorg removes it again.
 */
import { COINBASE_MATURITY } from '../../channel/rules/lockin.ts';
import { hex } from '../../wire/bytes.ts';
import {
  bool,
  bytes,
  bytes16,
  type Codec,
  decode,
  encode,
  map,
  optional,
  struct,
  u32,
  union,
} from '../../wire/codec.ts';
import { type Txid, txid } from '../../wire/units.ts';
import type { Block, ChainEvent, ChainTx, Outpoint } from '../ports/ports.ts';

/** `id` is the caller's. Blocks from height `since` on that were applied already are rescanned for a new watch. */
export type Watch =
  | { readonly wait: 'depth'; readonly id: string; readonly since: number; readonly txid: Txid; readonly depth: number }
  | { readonly wait: 'spend'; readonly id: string; readonly since: number; readonly outpoint: Outpoint };

/** A transaction in the branch followed. */
export interface MinedTx {
  readonly height: number;
  /** Its place in the block, 0 for the coinbase. */
  readonly txIndex: number;
  readonly txid: Txid;
  /** The transaction, serialized with witnesses. */
  readonly tx: Uint8Array;
}

export interface WatchState {
  readonly watch: Watch;
  readonly seen: MinedTx | undefined;
  /** Whether the owner got a notice, and needs another when a reorg undoes it. */
  readonly notified: boolean;
}

export interface Watches {
  /** Height of the last block applied. */
  readonly height: number;
  readonly byId: ReadonlyMap<string, WatchState>;
}

export type Notice =
  /** The transaction is in `depth` blocks (its own counts; a coinbase in 100), or the output's spender is in one. */
  | { readonly notice: 'confirmed' | 'spent'; readonly id: string; readonly at: MinedTx }
  /** A reorg removed it from the chain, or, after a restart, the chain does not have it. */
  | { readonly notice: 'unconfirmed' | 'unspent'; readonly id: string };

/** How an outpoint is written as a key: the txid as hashed, in hex, and the output index. */
export const outpointKey = (hash: Uint8Array, vout: number): string => `${hex(hash)}:${vout}`;

const subject = (watch: Watch): string =>
  watch.wait === 'depth' ? hex(watch.txid) : outpointKey(watch.outpoint.txid, watch.outpoint.vout);

const sighting = (block: Block, { tx, txid: id }: ChainTx, txIndex: number): MinedTx => ({
  height: block.height,
  txIndex,
  txid: id,
  tx: new Uint8Array(tx.toBuffer()),
});

/** What a block contains of the watched subjects. Several watches may share one. */
const scanBlock = (block: Block, subjects: ReadonlySet<string>): ReadonlyMap<string, MinedTx> => {
  const found = new Map<string, MinedTx>();
  if (subjects.size === 0) return found;
  block.transactions.forEach((entry, index) => {
    const id = hex(entry.txid);
    if (subjects.has(id)) found.set(id, sighting(block, entry, index));
    for (const input of entry.tx.ins) {
      const spent = outpointKey(input.hash, input.index);
      if (subjects.has(spent)) found.set(spent, sighting(block, entry, index));
    }
  });
  return found;
};

/** Whether it has the depth of its watch; a coinbase needs 100 blocks, before which it cannot be spent. */
const isDeepEnough = ({ watch, seen }: WatchState, height: number): boolean => {
  if (seen === undefined || watch.wait === 'spend') return seen !== undefined;
  const { depth } = watch;
  return height - seen.height + 1 >= (seen.txIndex === 0 ? Math.max(depth, COINBASE_MATURITY) : depth);
};

/** The notice that is due to the owner at this height, if any, and the watch after it. */
const nextNotice = (watched: WatchState, height: number): readonly [WatchState, Notice | undefined] => {
  const { watch, seen, notified } = watched;
  const { id, wait } = watch;
  if (seen !== undefined && !notified && isDeepEnough(watched, height))
    return [
      { ...watched, notified: true },
      { notice: wait === 'spend' ? 'spent' : 'confirmed', id, at: seen },
    ];
  if (seen === undefined && notified)
    return [
      { ...watched, notified: false },
      { notice: wait === 'spend' ? 'unspent' : 'unconfirmed', id },
    ];
  return [watched, undefined];
};

/** Applies an event to one watch. What was seen first stays: an output can be spent only once in a branch. */
const applyEvent = (watched: WatchState, event: ChainEvent, found: ReadonlyMap<string, MinedTx>): WatchState => {
  if (event.event === 'disconnected')
    return watched.seen !== undefined && watched.seen.height >= event.height
      ? { ...watched, seen: undefined }
      : watched;
  const seen = watched.seen === undefined ? found.get(subject(watched.watch)) : undefined;
  return seen === undefined ? watched : { ...watched, seen };
};

/** Applies an event to all watches, and returns the notices due. Unchanged watches stay the same objects. */
export const watchEvent = (watches: Watches, event: ChainEvent): readonly [Watches, readonly Notice[]] => {
  const height = event.event === 'connected' ? event.block.height : event.height - 1;
  const open = [...watches.byId.values()].filter((watched) => watched.seen === undefined);
  const found =
    event.event === 'connected'
      ? scanBlock(event.block, new Set(open.map((watched) => subject(watched.watch))))
      : new Map<string, MinedTx>();
  const notices: Notice[] = [];
  const byId = new Map<string, WatchState>();
  for (const [id, before] of watches.byId) {
    const [after, notice] = nextNotice(applyEvent(before, event, found), height);
    if (notice !== undefined) notices.push(notice);
    byId.set(id, after);
  }
  return [{ height, byId }, notices];
};

/**
 * New watches after a rescan of one block. Blocks come one at a time, for there may be many, and from the top down: the lowest block
 * that contains it counts.
 */
export const rescanBlock = (watched: readonly WatchState[], block: Block): readonly WatchState[] => {
  const open = watched.filter(({ watch }) => watch.since <= block.height);
  const found = scanBlock(block, new Set(open.map(({ watch }) => subject(watch))));
  if (found.size === 0) return watched;
  const looked = new Set(open);
  return watched.map((one) => {
    const seen = looked.has(one) ? found.get(subject(one.watch)) : undefined;
    return seen === undefined ? one : { ...one, seen };
  });
};

/** A new watch after the rescan, and the notice due at this height. */
export const firstNotice = (watched: WatchState, height: number): readonly [WatchState, Notice | undefined] =>
  nextNotice(watched, height);

/**
 * The notice for the present state of a watch, given again after a restart: a crash may have come between a block and its notice. It
 * is also given when nothing was seen.
 */
export const currentNotice = ({ watch, seen, notified }: WatchState): Notice => {
  const { id, wait } = watch;
  if (notified && seen !== undefined) return { notice: wait === 'spend' ? 'spent' : 'confirmed', id, at: seen };
  return { notice: wait === 'spend' ? 'unspent' : 'unconfirmed', id };
};

const txidCodec: Codec<Txid> = map(bytes(32), txid, (value) => value);
const bytes32bit: Codec<Uint8Array> = {
  write: (w, value) => {
    u32.write(w, value.length);
    w.bytes(value);
  },
  read: (r) => r.bytes(u32.read(r)),
};
const idCodec: Codec<string> = map(
  bytes16,
  (value) => new TextDecoder().decode(value),
  (value) => new TextEncoder().encode(value),
);
const outpoint = struct({ txid: txidCodec, vout: u32 });
const watchCodec: Codec<Watch> = union('wait', {
  depth: { id: 0, body: struct({ id: idCodec, since: u32, txid: txidCodec, depth: u32 }) },
  spend: { id: 1, body: struct({ id: idCodec, since: u32, outpoint }) },
});
const watchedCodec: Codec<WatchState> = struct({
  watch: watchCodec,
  seen: optional(struct({ height: u32, txIndex: u32, txid: txidCodec, tx: bytes32bit })),
  notified: bool,
});

/** The record of a watch. */
export const encodeWatch = (watched: WatchState): Uint8Array => encode(watchedCodec, watched);
/** Throws WireError on a damaged record. */
export const decodeWatch = (record: Uint8Array): WatchState => decode(watchedCodec, record);
