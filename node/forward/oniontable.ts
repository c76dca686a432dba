/**
 * A compact hash table of onions: 32 bytes each, in one array, with open addressing. What an entry means is decided in replay.ts.
 */

/** What is kept of an onion. */
export interface SeenOnion {
  /** 16 bytes of its tag, as four words. */
  readonly tag: TagWords;
  /** The HTLC that it came with, as two words of a hash of its name. */
  readonly htlc: readonly [number, number];
  /** The channel of that HTLC, likewise. */
  readonly channel: number;
  /** Height up to which it is remembered; more than 0. */
  readonly expiresAt: number;
}

export type TagWords = readonly [number, number, number, number];

/** Words of an entry: tag, HTLC, channel, height. */
const ENTRY = 8;
const CHANNEL = ENTRY - 2;
const UNTIL = ENTRY - 1;
const MIN_CAPACITY = 16;

export class OnionTable {
  private words = new Uint32Array(MIN_CAPACITY * ENTRY);
  private filled = 0;

  /** Entries. */
  get size(): number {
    return this.filled;
  }

  /** Places for entries, of which some are empty. */
  get capacity(): number {
    return this.words.length / ENTRY;
  }

  private word(place: number, i: number): number {
    return this.words[place * ENTRY + i] ?? 0;
  }

  private isEmpty(place: number): boolean {
    return this.expiryAt(place) === 0;
  }

  private home(tag: TagWords): number {
    return tag[3] & (this.capacity - 1);
  }

  private isOf(place: number, [a, b, c, d]: TagWords): boolean {
    const { words } = this;
    const entryAt = place * ENTRY;
    return words[entryAt + 3] === d && words[entryAt] === a && words[entryAt + 1] === b && words[entryAt + 2] === c;
  }

  /** Where the tag is, or the empty place where it would be. */
  private placeOf(tag: TagWords): number {
    let place = this.home(tag);
    while (!this.isEmpty(place) && !this.isOf(place, tag)) place = (place + 1) & (this.capacity - 1);
    return place;
  }

  /** The entry at a place; undefined where there is none. */
  at(place: number): SeenOnion | undefined {
    if (this.isEmpty(place)) return undefined;
    const [a, b, c, d, e, f, channel, until] = this.words.subarray(place * ENTRY, (place + 1) * ENTRY);
    return {
      tag: [a ?? 0, b ?? 0, c ?? 0, d ?? 0],
      htlc: [e ?? 0, f ?? 0],
      channel: channel ?? 0,
      expiresAt: until ?? 0,
    };
  }

  /** The height of what is at a place; 0 where there is nothing. */
  expiryAt(place: number): number {
    return this.word(place, UNTIL);
  }

  /** The channel of what is at a place. */
  channelAt(place: number): number {
    return this.word(place, CHANNEL);
  }

  find(tag: TagWords): SeenOnion | undefined {
    return this.at(this.placeOf(tag));
  }

  /** Adds an entry whose tag is not there yet. */
  add(seen: SeenOnion): void {
    // A quarter stays empty, so that a look-up needs a few places only.
    if (4 * (this.filled + 1) > 3 * this.capacity) this.grow();
    this.put(seen);
    this.filled++;
  }

  private put({ tag, htlc, channel, expiresAt }: SeenOnion): void {
    this.words.set([...tag, ...htlc, channel, expiresAt], this.placeOf(tag) * ENTRY);
  }

  private grow(): void {
    const { words, capacity } = this;
    this.words = new Uint32Array(2 * words.length);
    for (let place = 0; place < capacity; place++) {
      const entry = words.subarray(place * ENTRY, (place + 1) * ENTRY);
      const [a = 0, b = 0, c = 0, d = 0] = entry;
      if (entry[UNTIL] !== 0) this.words.set(entry, this.placeOf([a, b, c, d]) * ENTRY);
    }
  }

  /** Removes the entry at a place. Another entry may move there, so a caller that walks the table has to look at the place again. */
  remove(place: number): void {
    if (this.isEmpty(place)) return;
    this.filled--;
    const last = this.capacity - 1;
    let hole = place;
    // Entries behind the hole that belong before it move up, or they would not be found any more.
    for (let next = (hole + 1) & last; !this.isEmpty(next); next = (next + 1) & last) {
      const home = this.word(next, 3) & last;
      if (((next - home) & last) < ((next - hole) & last)) continue;
      this.words.copyWithin(hole * ENTRY, next * ENTRY, (next + 1) * ENTRY);
      hole = next;
    }
    this.words.fill(0, hole * ENTRY, (hole + 1) * ENTRY);
  }
}
