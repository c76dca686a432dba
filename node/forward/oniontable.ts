/**
 * A set of onions in as few bytes as they take: 32 each, in one array, found by open addressing. It knows nothing of disks or
 * heights; what an entry means is rescan.ts's matter.
 */

/** What is kept of an onion. */
export interface Seen {
  /** 16 bytes of its tag, as four words. */
  readonly tag: Words;
  /** Which HTLC brought it, as two words that follow from its name. */
  readonly htlc: readonly [number, number];
  /** Which channel that came by, likewise. */
  readonly channel: number;
  /** Height up to which it is remembered; more than 0. */
  readonly until: number;
}

export type Words = readonly [number, number, number, number];

/** Words of an entry: tag, HTLC, channel, height. */
const ENTRY = 8;
const CHANNEL = ENTRY - 2;
const UNTIL = ENTRY - 1;
const LEAST = 16;

export class SeenTable {
  private words = new Uint32Array(LEAST * ENTRY);
  private filled = 0;

  /** Entries. */
  get size(): number {
    return this.filled;
  }

  /** Places for entries, of which some are empty. */
  get places(): number {
    return this.words.length / ENTRY;
  }

  private word(place: number, i: number): number {
    return this.words[place * ENTRY + i] ?? 0;
  }

  private isEmpty(place: number): boolean {
    return this.untilAt(place) === 0;
  }

  private home(tag: Words): number {
    return tag[3] & (this.places - 1);
  }

  private isOf(place: number, [a, b, c, d]: Words): boolean {
    const { words } = this;
    const at = place * ENTRY;
    return words[at + 3] === d && words[at] === a && words[at + 1] === b && words[at + 2] === c;
  }

  /** Where the tag is, or the empty place where it would be. */
  private placeOf(tag: Words): number {
    let place = this.home(tag);
    while (!this.isEmpty(place) && !this.isOf(place, tag)) place = (place + 1) & (this.places - 1);
    return place;
  }

  /** The entry at a place; undefined where there is none. */
  at(place: number): Seen | undefined {
    if (this.isEmpty(place)) return undefined;
    const [a, b, c, d, e, f, channel, until] = this.words.subarray(place * ENTRY, (place + 1) * ENTRY);
    return {
      tag: [a ?? 0, b ?? 0, c ?? 0, d ?? 0],
      htlc: [e ?? 0, f ?? 0],
      channel: channel ?? 0,
      until: until ?? 0,
    };
  }

  /** The height of what is at a place; 0 where there is nothing. */
  untilAt(place: number): number {
    return this.word(place, UNTIL);
  }

  /** The channel of what is at a place. */
  channelAt(place: number): number {
    return this.word(place, CHANNEL);
  }

  find(tag: Words): Seen | undefined {
    return this.at(this.placeOf(tag));
  }

  /** Adds an entry whose tag is not there yet. */
  add(seen: Seen): void {
    // A quarter stays empty, so that what is looked for is found within a few places.
    if (4 * (this.filled + 1) > 3 * this.places) this.grow();
    this.put(seen);
    this.filled++;
  }

  private put({ tag, htlc, channel, until }: Seen): void {
    this.words.set([...tag, ...htlc, channel, until], this.placeOf(tag) * ENTRY);
  }

  private grow(): void {
    const { words, places } = this;
    this.words = new Uint32Array(2 * words.length);
    for (let place = 0; place < places; place++) {
      const entry = words.subarray(place * ENTRY, (place + 1) * ENTRY);
      const [a = 0, b = 0, c = 0, d = 0] = entry;
      if (entry[UNTIL] !== 0) this.words.set(entry, this.placeOf([a, b, c, d]) * ENTRY);
    }
  }

  /** Takes away what is at a place. Another entry may come to stand there, so whoever goes through all looks at it again. */
  remove(place: number): void {
    if (this.isEmpty(place)) return;
    this.filled--;
    const last = this.places - 1;
    let hole = place;
    // What was pushed past the hole by what stood there moves up, or it would not be found any more.
    for (let next = (hole + 1) & last; !this.isEmpty(next); next = (next + 1) & last) {
      const home = this.word(next, 3) & last;
      if (((next - home) & last) < ((next - hole) & last)) continue;
      this.words.copyWithin(hole * ENTRY, next * ENTRY, (next + 1) * ENTRY);
      hole = next;
    }
    this.words.fill(0, hole * ENTRY, (hole + 1) * ENTRY);
  }
}
