/**
 * Who waits for what on the chain, as pure functions over its events: a transaction to be buried, an output to be spent.
 * What was seen is kept with the watch, so a restart neither rescans nor forgets, and a reorg takes it back.
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

/** `id` is the caller's; `since` is a height from which on it may happen: blocks already told above it are looked at again. */
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
  /** Whether the owner has been told and would have to be told the contrary. */
  readonly notified: boolean;
}

export interface Watches {
  /** Of the last block applied. */
  readonly height: number;
  readonly byId: ReadonlyMap<string, WatchState>;
}

export type Notice =
  /** The transaction is in `depth` blocks (its own counts; a coinbase in 100), or the output's spender is in one. */
  | { readonly notice: 'confirmed' | 'spent'; readonly id: string; readonly at: MinedTx }
  /** It is not so: a reorg took it out again, or, after a restart, the chain does not have it. */
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

/** What a block shows of these subjects. Several watches may share one; many blocks show nothing. */
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

/** Whether it is as deep as its watch wants it; what a coinbase pays is of no use before it may be spent. */
const isDeepEnough = ({ watch, seen }: WatchState, height: number): boolean => {
  if (seen === undefined || watch.wait === 'spend') return seen !== undefined;
  const { depth } = watch;
  return height - seen.height + 1 >= (seen.txIndex === 0 ? Math.max(depth, COINBASE_MATURITY) : depth);
};

/** What its owner must hear now, given the height, and the watch after it was said. */
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

/** One watch over one event. A watch keeps its first sighting: an output can be spent only once in a branch. */
const applyEvent = (watched: WatchState, event: ChainEvent, found: ReadonlyMap<string, MinedTx>): WatchState => {
  if (event.event === 'disconnected')
    return watched.seen !== undefined && watched.seen.height >= event.height
      ? { ...watched, seen: undefined }
      : watched;
  const seen = watched.seen === undefined ? found.get(subject(watched.watch)) : undefined;
  return seen === undefined ? watched : { ...watched, seen };
};

/** All watches over one event, and what their owners must hear. Watches nothing happened to stay the same objects. */
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
 * New watches after a look at a block that was told already. Blocks come from the top down, one at a time, for there may be many:
 * the lowest sighting is the first.
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

/** A new watch once all was looked at, and what its owner must hear at this height. */
export const firstNotice = (watched: WatchState, height: number): readonly [WatchState, Notice | undefined] =>
  nextNotice(watched, height);

/**
 * How a watch stands, to be told after a restart whatever was told before it: a crash may have come between the block that
 * changed it and the word about that, so what is not so is told as well.
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

/** How a watch is kept. */
export const encodeWatch = (watched: WatchState): Uint8Array => encode(watchedCodec, watched);
/** Throws WireError on a damaged record. */
export const decodeWatch = (record: Uint8Array): WatchState => decode(watchedCodec, record);
