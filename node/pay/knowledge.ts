/**
 * What payments taught about the channels of others (amp/knowledge.ts), for the payments that follow: 10,000 directions at most, of
 * which those learnt about longest ago give way. It is written once a minute: what a crash loses can be learnt again.
 */

import type { PaymentEvent } from '../../amp/events.ts';
import {
  type DirectionKnowledge,
  type Lesson,
  lessonsOf,
  nothingKnown,
  stillCounts,
  type Tried,
  weightOf,
  withLesson,
} from '../../amp/knowledge.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { type Codec, decode, encode, map, optional, struct, u64 } from '../../wire/codec.ts';
import { msat, point } from '../../wire/fields.ts';
import { point as pointOf, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { NodeKey } from '../graph/graph.ts';
import { type Bounds, fadedBounds } from '../graph/likelihood.ts';
import { keyOfNode } from '../graph/nodekeys.ts';
import type { Store } from '../ports/ports.ts';
import { numberIn, numberText } from '../store/numbered.ts';
import { loadRecords } from '../store/records.ts';

const RECORDS = 'knowledge/';
/** Directions that are remembered. */
const MOST_DIRECTIONS = 10_000;
/** Seconds for which lessons are gathered before they are written, and records that are written at a time. */
const GATHER_SECONDS = 60;
const MOST_WRITTEN = 1_000;

/** What is known of one direction of a channel, from one node to another. */
export interface KnownDirection extends DirectionKnowledge {
  /** Numbers increase with each lesson, so the one that changed last has the highest. */
  readonly index: bigint;
  readonly scid: ShortChannelId;
  readonly from: NodeKey;
  readonly to: NodeKey;
}

const seconds: Codec<number> = map(u64, Number, BigInt);
const tried: Codec<Tried> = struct({ amount: msat, at: seconds });
const nodeKey: Codec<NodeKey> = map(point, hex, (key) => pointOf(unhex(key)));
const codec: Codec<Omit<KnownDirection, 'scid' | 'from'>> = struct({
  index: u64,
  to: nodeKey,
  carried: optional(tried),
  failed: optional(tried),
});

const keyOf = (scid: ShortChannelId, from: NodeKey): string => `${numberText(scid)}/${from}`;

export interface KnowledgeParts {
  readonly store: Store;
  /** Keeps changes with the next synced write. */
  readonly save: (changes: readonly Change[]) => void;
  /** Unix seconds. */
  readonly now: () => number;
  /** How many directions are remembered; 10,000 unless given. */
  readonly most?: number;
}

export class Knowledge {
  private readonly parts: KnowledgeParts;
  /** By channel, and there by the node that sends; few channels of the graph have any. */
  private readonly known = new Map<ShortChannelId, Map<NodeKey, KnownDirection>>();
  /** The same by number, lowest first. */
  private readonly order = new Map<bigint, KnownDirection>();
  /** Keys of records that are not written yet. */
  private readonly unwritten = new Set<string>();
  private lastIndex = 0n;
  private writtenAt: number;

  private constructor(parts: KnowledgeParts) {
    this.parts = parts;
    this.writtenAt = parts.now();
  }

  /** Reads what still counts, and has the rest deleted. Throws StoreError. */
  static async load(parts: KnowledgeParts): Promise<Knowledge> {
    const knowledge = new Knowledge(parts);
    const found = [...(await loadRecords(parts.store, RECORDS, (bytes) => decode(codec, bytes)))].map(
      ([key, value]): KnownDirection => {
        const [scid = '', from = ''] = key.split('/');
        return { ...value, scid: shortChannelId(numberIn(scid)), from };
      },
    );
    for (const one of found.sort((a, b) => (a.index < b.index ? -1 : 1))) knowledge.put(one);
    knowledge.unwritten.clear();
    knowledge.dropOld();
    return knowledge;
  }

  private put(one: KnownDirection): void {
    const { scid, from, index } = one;
    const ofChannel = this.known.get(scid) ?? new Map<NodeKey, KnownDirection>();
    const before = ofChannel.get(from);
    if (before !== undefined) this.order.delete(before.index);
    this.known.set(scid, ofChannel.set(from, one));
    this.order.set(index, one);
    this.unwritten.add(keyOf(scid, from));
    if (index > this.lastIndex) this.lastIndex = index;
  }

  private drop({ scid, from, index }: KnownDirection): void {
    const ofChannel = this.known.get(scid);
    ofChannel?.delete(from);
    if (ofChannel?.size === 0) this.known.delete(scid);
    this.order.delete(index);
    this.unwritten.add(keyOf(scid, from));
  }

  /** Too many, and what no longer counts: the lowest numbers are the oldest lessons. */
  private dropOld(): void {
    const now = this.parts.now();
    for (const one of this.order.values()) {
      if (this.order.size <= (this.parts.most ?? MOST_DIRECTIONS) && stillCounts(one, now)) return;
      this.drop(one);
    }
  }

  /** Takes what a payment says of its attempts. */
  take(event: PaymentEvent): void {
    if (event.event === 'shard_failed') this.learn(lessonsOf(event.route, event));
    if (event.event === 'shard_fulfilled') this.learn(lessonsOf(event.route, undefined));
  }

  private learn(lessons: readonly Lesson[]): void {
    const now = this.parts.now();
    for (const lesson of lessons) {
      const { scid } = lesson;
      const from = keyOfNode(lesson.from);
      const before = this.known.get(scid)?.get(from) ?? nothingKnown;
      this.put({
        ...withLesson(before, lesson, now),
        index: this.lastIndex + 1n,
        scid,
        from,
        to: keyOfNode(lesson.to),
      });
    }
    this.dropOld();
  }

  /** The channels of which something is known. */
  get scids(): Iterable<ShortChannelId> {
    return this.known.keys();
  }

  /** What the balance of this direction of a channel of `capacity` msat can be, as far as it is known; undefined where nothing is. */
  bounds(scid: ShortChannelId, from: NodeKey, capacity: number): Bounds | undefined {
    const one = this.known.get(scid)?.get(from);
    if (one === undefined) return undefined;
    const { carried, failed } = one;
    const now = this.parts.now();
    const bounds = { low: Number(carried?.amount ?? 0n), high: Number(failed?.amount ?? 0n) };
    const weight = (tried: Tried | undefined): number => (tried === undefined ? 0 : weightOf(tried, now));
    return fadedBounds(bounds, capacity, weight(carried), weight(failed));
  }

  /** Directions of which something is known that still counts, those that changed last at the end; from a number on. */
  *list(first = 0n): Generator<KnownDirection> {
    const now = this.parts.now();
    // What changes while somebody reads goes to the end: it is not told again and again.
    const last = this.lastIndex;
    for (const one of this.order.values()) {
      if (one.index > last) return;
      if (one.index >= first && stillCounts(one, now)) yield one;
    }
  }

  /** Forgets what is known of one channel, of the channels of one node, or all of it, and writes that. Gives the number of directions. */
  forget({ scid, node }: { readonly scid?: ShortChannelId | undefined; readonly node?: NodeKey | undefined }): number {
    const gone = [...this.order.values()].filter(
      (one) =>
        (scid === undefined || one.scid === scid) && (node === undefined || one.from === node || one.to === node),
    );
    for (const one of gone) this.drop(one);
    this.write();
    return gone.length;
  }

  /** Once a second: writes what was gathered for a minute, or what is much. */
  tick(): void {
    const now = this.parts.now();
    if (this.unwritten.size < MOST_WRITTEN && now < this.writtenAt + GATHER_SECONDS && now >= this.writtenAt) return;
    this.writtenAt = now;
    this.dropOld();
    this.write(MOST_WRITTEN);
  }

  /** Writes what was gathered, so many records at most. */
  write(most = Number.POSITIVE_INFINITY): void {
    const keys = [...this.unwritten].slice(0, most);
    const changes = keys.map((key): Change => {
      const [scid = '', from = ''] = key.split('/');
      const one = this.known.get(shortChannelId(numberIn(scid)))?.get(from);
      return { key: RECORDS + key, value: one && encode(codec, one) };
    });
    for (const key of keys) this.unwritten.delete(key);
    this.parts.save(changes);
  }
}
