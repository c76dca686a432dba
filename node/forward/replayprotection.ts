/**
 * The replay log: onions seen before (BOLT 4: a shared secret must not be processed twice, or somebody who recorded a packet could send
 * it again to see where it goes). An onion is remembered until no HTLC with it would be accepted any more.
 *
 * A peer can send one onion after another, so the memory is bounded: 32 bytes each, and at most a fixed number; beyond that, onions of
 * the channel that brought the most are forgotten first. The work is spread: no turn looks at more than some thousand entries.
 */

import type { HtlcKey } from '../../amp/events.ts';
import { htlcName } from '../../amp/sets.ts';
import { concat, hex, u32be, unhex, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, encode, struct, u32 } from '../../wire/codec.ts';
import { sha256 } from '../../wire/crypto.ts';
import type { Store } from '../ports/ports.ts';
import { OnionTable, type SeenOnion, type TagWords } from './oniontable.ts';

export const REPLAY_PREFIX = 'replay/';
/** Bytes of a tag that are kept. */
const TAG_BYTES = 16;
/** Onions remembered at most. */
const MAX_ONIONS = 2 ** 19;
/** Number of tables; each tag belongs to one, so that growing a table takes little time. */
const TABLES = 256;
/** Places checked for expired onions, with each new onion and with each block. */
const SCAN_PER_ONION = 16;
const SCAN_PER_BLOCK = 4096;
/** Places searched for an entry of the channel that brought the most. */
const SCAN_TO_EVICT = 256;

const record = struct({ until: u32, htlc: struct({ a: u32, b: u32 }), channel: u32 });

const keyOf = (tag: TagWords): string => REPLAY_PREFIX + hex(concat(...tag.map(u32be)));

/** The record of an onion, by the first bytes of its tag. */
export const replayRecord = ({ tag, htlc: [a, b], channel, expiresAt }: SeenOnion): Change => ({
  key: keyOf(tag),
  value: encode(record, { until: expiresAt, htlc: { a, b }, channel }),
});
const words = (bytes: Uint8Array): TagWords => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, TAG_BYTES);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
};

/** What is kept of an onion that came with this HTLC, and is over above this height. */
export const seenOnion = (tag: Uint8Array, { channel, id }: HtlcKey, expiresAt: number): SeenOnion => {
  const [a, b] = words(sha256(utf8(htlcName({ channel, id }))));
  return { tag: words(tag), htlc: [a, b], channel: words(sha256(utf8(channel)))[0], expiresAt: Math.max(1, expiresAt) };
};

export class ReplayLog {
  private readonly tables = Array.from({ length: TABLES }, () => new OnionTable());
  private readonly maxOnions: number;
  private readonly counts = new Map<number, number>();
  private count = 0;
  private height = 0;
  /** Where looking for what is over goes on. */
  private table = 0;
  private place = 0;
  /** The channel that brought most, found anew from time to time. */
  private heaviest: { readonly channel: number; drops: number } | undefined;
  /** Records of what was more than is remembered when it was read; they go with the next block. */
  private surplus: Change[] = [];

  private constructor(most: number) {
    this.maxOnions = most;
  }

  /** Reads what was seen. `most`: onions remembered. Throws StoreError or WireError. */
  static async load(store: Pick<Store, 'entries'>, most = MAX_ONIONS): Promise<ReplayLog> {
    const log = new ReplayLog(most);
    for await (const [key, value] of store.entries(REPLAY_PREFIX)) {
      const { until: expiresAt, htlc, channel } = decode(record, value);
      const tag = words(unhex(key.slice(REPLAY_PREFIX.length)));
      log.surplus.push(...log.add({ tag, htlc: [htlc.a, htlc.b], channel, expiresAt }));
    }
    return log;
  }

  /** Number of onions remembered. */
  get size(): number {
    return this.count;
  }

  /**
   * What to keep when this onion is new, `known` when this very HTLC brought it before (it comes again after a restart),
   * `replayed` otherwise. It is remembered up to the block of height `expiresAt`.
   */
  check(tag: Uint8Array, htlc: HtlcKey, expiresAt: number): readonly Change[] | 'known' | 'replayed' {
    const seen = seenOnion(tag, htlc, expiresAt);
    const before = this.tableOf(seen.tag).find(seen.tag);
    if (before !== undefined) return before.htlc.every((word, i) => word === seen.htlc[i]) ? 'known' : 'replayed';
    return [...this.removeExpired(SCAN_PER_ONION), ...this.add(seen), replayRecord(seen)];
  }

  /** Forgets some of the onions that are over at this height; all of them within some blocks. */
  prune(height: number): readonly Change[] {
    this.height = height;
    return [...this.surplus.splice(0, SCAN_PER_BLOCK), ...this.removeExpired(SCAN_PER_BLOCK)];
  }

  private tableOf(tag: TagWords): OnionTable {
    return this.tables[tag[0] % TABLES] ?? new OnionTable();
  }

  /** Adds an onion; what has to be forgotten for it. */
  private add(seen: SeenOnion): readonly Change[] {
    const dropped = this.count >= this.maxOnions ? this.evict() : [];
    this.tableOf(seen.tag).add(seen);
    this.count++;
    this.counts.set(seen.channel, (this.counts.get(seen.channel) ?? 0) + 1);
    return dropped;
  }

  private remove(table: OnionTable, place: number): readonly Change[] {
    const seen = table.at(place);
    if (seen === undefined) return [];
    const { tag, channel } = seen;
    table.remove(place);
    this.count--;
    const left = (this.counts.get(channel) ?? 1) - 1;
    if (left > 0) this.counts.set(channel, left);
    else this.counts.delete(channel);
    return [{ key: keyOf(tag), value: undefined }];
  }

  /** Goes over that many places, from where it went last time. */
  private walk(places: number, visit: (table: OnionTable, place: number) => 'next' | 'again' | 'stop'): void {
    for (let i = 0; i < places; i++) {
      const table = this.tables[this.table];
      if (table === undefined || this.place >= table.capacity) {
        this.table = (this.table + 1) % TABLES;
        this.place = 0;
        continue;
      }
      const then = table.expiryAt(this.place) === 0 ? 'next' : visit(table, this.place);
      if (then === 'stop') return;
      if (then === 'next') this.place++;
    }
  }

  private removeExpired(places: number): readonly Change[] {
    const gone: Change[] = [];
    if (this.count === 0) return gone;
    this.walk(places, (table, place) => {
      if (table.expiryAt(place) >= this.height) return 'next';
      gone.push(...this.remove(table, place));
      return 'again';
    });
    return gone;
  }

  /** One onion less: of the channel that brought most, where one is found soon. */
  private evict(): readonly Change[] {
    if (this.heaviest === undefined || this.heaviest.drops++ >= SCAN_PER_BLOCK) {
      const [channel] = [...this.counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
      this.heaviest = { channel, drops: 0 };
    }
    const { channel } = this.heaviest;
    const found: (readonly [OnionTable, number])[] = [];
    // There is one, however empty the tables are.
    while (found.length === 0 && this.count > 0)
      this.walk(SCAN_TO_EVICT, (table, place) => {
        found.push([table, place]);
        return table.channelAt(place) === channel || table.expiryAt(place) < this.height ? 'stop' : 'next';
      });
    const last = found.at(-1);
    return last === undefined ? [] : this.remove(...last);
  }
}
