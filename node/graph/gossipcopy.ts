/**
 * The copy that replaces a file of gossip of which too much is out of date: its live records in the same order, with the positions that
 * they had before. A channel may be removed after it was copied, so removals since the beginning of the copy are copied, too.
 */
import { u32be } from '../../wire/bytes.ts';
import type { GrowingFile } from '../ports/ports.ts';
import { grown } from './compact.ts';
import { FRAME, type GossipRecord, HEIGHT, REMOVED, recordsOf, WINDOW, writeRecord } from './gossiprecords.ts';
import { NOWHERE } from './rawmessages.ts';

/** Positions in the old file and in the copy, in ascending order. */
class Moves {
  private from = new Float64Array(1024);
  private to = new Float64Array(1024);
  private length = 0;

  add(from: number, to: number): void {
    if (this.length === this.from.length)
      [this.from, this.to] = [grown(this.from, this.length + 1), grown(this.to, this.length + 1)];
    this.from[this.length] = from;
    this.to[this.length++] = to;
  }

  of(position: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.from[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return this.from[low] === position && low < this.length ? (this.to[low] ?? NOWHERE) : NOWHERE;
  }
}

export interface GossipCopyParts {
  readonly salt: number;
  /** Whether the graph still refers to this record. */
  readonly isLive: (record: GossipRecord) => boolean;
  /** The end of the old file when the copy was begun. */
  readonly begun: number;
}

export class GossipCopy {
  /** The position up to which the old file was read. */
  seen = 0;
  /** The end of the copy. */
  end = 0;
  private readonly parts: GossipCopyParts;
  private readonly moves = new Moves();

  constructor(parts: GossipCopyParts) {
    this.parts = parts;
  }

  /** The position in the copy of a message at `position` of the old file; NOWHERE for one that was not copied. */
  movedTo(position: number): number {
    const to = this.moves.of(position);
    return to < this.end ? to : NOWHERE;
  }

  /** Writes the header, and the height of the last block that the graph has applied. */
  async begin(next: GrowingFile, header: Uint8Array, height: number): Promise<void> {
    const record = new Uint8Array(FRAME + 4);
    writeRecord(record, 0, this.parts.salt, HEIGHT, [u32be(height)]);
    await next.write(0, header);
    await next.write(header.length, record);
    this.seen = header.length;
    this.end = header.length + record.length;
  }

  private isWanted(record: GossipRecord): boolean {
    if (record.kind === REMOVED || record.kind === HEIGHT) return record.position >= this.parts.begun;
    return this.parts.isLive(record);
  }

  /** Copies the live records of the next part of the file, up to `to`. Throws what the system says. */
  async upTo(file: GrowingFile, next: GrowingFile, to: number): Promise<void> {
    const piece = new Uint8Array(WINDOW);
    const { salt } = this.parts;
    for (const group of recordsOf(file, { from: this.seen, to, salt, damage: { bytes: 0, torn: 0 } })) {
      let length = 0;
      // A group is no longer than a piece.
      for (const record of group) {
        if (!this.isWanted(record)) continue;
        piece.set(record.whole, length);
        this.moves.add(record.position, this.end + length);
        length += record.whole.length;
      }
      await next.write(this.end, piece.subarray(0, length));
      this.end += length;
      await new Promise(setImmediate);
    }
    this.seen = to;
  }
}
