/**
 * What the world must offer a node, and nothing about how. Each port is small, has at least two implementations, and one
 * compliance suite in test/ports runs over all of them. Only node/ sees these; the pure folders get plain values.
 */
import type { Transaction } from 'bitcoinjs-lib';
import type { Change } from '../../wire/change.ts';
import type { ChainHash, Sat, Txid } from '../../wire/units.ts';

/** A block by height and hash; the hash as people and bitcoind write it, 64 lower-case hex digits. */
export interface BlockRef {
  readonly height: number;
  readonly hash: string;
}

/** The best block. */
export interface Tip extends BlockRef {
  /** Whether the chain knows itself that it has not got all blocks yet. */
  readonly isBehind?: boolean;
}

/** A transaction with the id under which it is looked up, computed once. */
export interface ChainTx {
  readonly txid: Txid;
  readonly tx: Transaction;
}

/** A whole block; `previous` is the hash of the one below, `transactions` stand in block order, the coinbase first. */
export interface Block extends BlockRef {
  readonly previous: string;
  /** Seconds since 1970, as the miner wrote it. */
  readonly time: number;
  readonly transactions: readonly ChainTx[];
}

export interface Outpoint {
  readonly txid: Txid;
  readonly vout: number;
}

/** An output nobody has spent in the chain. */
export interface Unspent {
  readonly script: Uint8Array;
  readonly amount: Sat;
  /** 1 for the tip, 0 in the mempool. */
  readonly confirmations: number;
  readonly coinbase: boolean;
}

/**
 * A view of one chain. It answers questions and takes transactions; who follows it and remembers is node/chain/follower.
 * Every method throws ChainError: `unreachable` and `warming_up` mean "again later", the rest are final.
 */
export interface Chain {
  /** For logs and getinfo. */
  readonly kind: 'bitcoind' | 'embedded';
  /** The genesis block's hash, which says what network this is. */
  genesis(): Promise<ChainHash>;
  /** `low` where strangers cause the question: it waits for those about our own money. */
  tip(priority?: 'high' | 'low'): Promise<Tip>;
  /** The hash of the best chain's block at this height; undefined above the tip. */
  hashAt(height: number): Promise<string | undefined>;
  /**
   * Whether the chain knows this block and will not have it again by itself, since it is invalid or its operator said so. Of a block
   * that it does not know, or has yet to read, it is false.
   */
  isInvalidated(hash: string): Promise<boolean>;
  /** A block by hash, also one that a reorg left behind while the chain still keeps it. Throws `unknown_block`. */
  block(hash: string): Promise<Block>;
  /**
   * The id of the transaction at this place in the best chain; undefined where there is none. Only what strangers announce is looked
   * up so: it waits for questions about our own money.
   */
  txidAt(height: number, txIndex: number): Promise<Txid | undefined>;
  /** Resolves when the tip may no longer be `seen`, at the latest after a few seconds, at once when aborted. */
  waitForChange(seen: string, signal: AbortSignal): Promise<void>;
  /** Whether the network would take a transaction now; it is not handed over. Throws `rejected` with the reason. */
  testAccept(tx: Uint8Array): Promise<void>;
  /**
   * Hands a transaction to the network, whatever it pays: what that may be is decided by who made it. One already known or
   * mined is a success; throws `rejected` with the reason.
   */
  broadcast(tx: Uint8Array): Promise<void>;
  /**
   * As `broadcast` of a transaction and one that hangs on it, which may pay for both: a parent that would be refused for its
   * fee alone is judged by what the two pay together. Throws `rejected` with the reason of the first that is refused.
   */
  broadcastPackage(parent: Uint8Array, child: Uint8Array): Promise<void>;
  /** Satoshi per 1,000 weight for confirmation within `blocks`, never below 253. */
  feerate(blocks: number): Promise<number>;
  /** Satoshi per 1,000 weight below which nothing is taken into the mempool now, never below 253. */
  relayFeerate(): Promise<number>;
  /**
   * The output, if it is in the chain and no block spends it (the mempool does not count); with `mempool` one that is there or in the
   * chain, and that neither spends. With priority `low`, for what strangers announce, it waits for questions about our own money.
   */
  unspent(outpoint: Outpoint, priority?: 'high' | 'low', where?: 'chain' | 'mempool'): Promise<Unspent | undefined>;
  /** The mempool transaction that spends the outpoint, where the chain can tell. */
  mempoolSpender(outpoint: Outpoint): Promise<ChainTx | undefined>;
  /** The ids alone of those that spend these, in their order. */
  mempoolSpenders(outpoints: readonly Outpoint[]): Promise<readonly (Txid | undefined)[]>;
  /**
   * Tells each transaction that enters the mempool from now on, serialized, where the chain can: also one that is replaced at
   * once. Some may be told again or not at all. The function returned ends it.
   */
  subscribeRawTx(hear: (tx: Uint8Array) => void): () => void;
  /** Satoshi per 1,000 weight that a mempool transaction pays together with all that hangs on it; undefined for any other. */
  mempoolFeerate(txid: Txid): Promise<number | undefined>;
  close(): Promise<void>;
}

/** What a follower tells, strictly in order: a chain that switches branches first takes blocks away, then adds. */
export type ChainEvent =
  | { readonly event: 'connected'; readonly block: Block }
  | { readonly event: 'disconnected'; readonly height: number; readonly hash: string };

/** Ordered keys, small values, atomic durable commits. Keys are ASCII, parts joined by '/'. Throws StoreError. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Records whose key begins with `prefix`, in key order, keys whole; `after` skips up to and including that key. */
  entries(prefix: string, after?: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** The highest key that begins with `prefix`, whole; undefined where there is none. */
  last(prefix: string): Promise<string | undefined>;
  /** All or none; resolves when it would survive a power cut. Commits that wait together share one synced write. */
  commit(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A file that grows at its end and can be read anywhere, for what can be had again. Its methods throw what the system says. Writes are in
 * the file, and survive the end of the process, when they resolve; a power cut only once `sync` has.
 */
export interface GrowingFile {
  /** Bytes that were in it when it was opened. */
  readonly size: number;
  /** Reads what there is from that place on, at most as much as fits, and says how much. */
  read(at: number, into: Uint8Array): number;
  write(at: number, bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** The file in which a node keeps gossip, and one that may take its place. */
export interface GossipFiles {
  /** For messages: where the file is. */
  readonly path: string;
  /** Opens the file, an empty one where there is none. A new one that never took its place is removed. */
  open(): Promise<GrowingFile>;
  /** An empty file beside it. */
  create(): Promise<GrowingFile>;
  /** Puts the created file in the place of the other, which can be read until it is closed: after a crash one of them is there, whole. */
  replace(): Promise<void>;
  /** Gives the file another name, instead of an earlier one that was set aside, and returns that. */
  setAside(): Promise<string>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A stream of bytes to somebody. Chunk borders mean nothing. */
export interface Connection {
  readonly remote: Address;
  /** Chunks as they arrive, for one reader; ends when the other side or `close` ends it, throws when the stream broke. */
  readonly received: AsyncIterable<Uint8Array>;
  /** Resolves when more may be written (back-pressure); rejects once the stream is closed. */
  send(bytes: Uint8Array): Promise<void>;
  /** Ends the stream now; again is harmless. */
  close(): void;
}

export interface Listener {
  /** Where it really listens: port 0 asked for becomes the port given. */
  readonly address: Address;
  /** Takes no new connections; those accepted stay. */
  close(): Promise<void>;
}

export interface Transport {
  /** Rejects when nobody answers, or when aborted. */
  dial(address: Address, signal: AbortSignal): Promise<Connection>;
  listen(address: Address, accept: (connection: Connection) => void): Promise<Listener>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs once after that many milliseconds unless the returned function is called first. */
  after(ms: number, run: () => void): () => void;
}

export interface Entropy {
  /** Bytes nobody can guess. */
  bytes(length: number): Uint8Array;
}

/** Structured lines. Never give it a secret. */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Whether trace lines are written now: asked before one is built, for they cost more than the others and are mostly off. */
  isTracing(): boolean;
  /** A log whose lines all carry these fields. `part` names the part of the node they are about (base/loglevels.ts). */
  child(fields: Record<string, unknown>): Log;
}

/** The world of one node. */
export interface Ports {
  readonly chain: Chain;
  readonly store: Store;
  readonly gossip: GossipFiles;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}
