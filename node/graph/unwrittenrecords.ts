/** Records of gossip that are not written yet: the end of the file, in memory. */
import { FRAME, writeRecord } from './gossiprecords.ts';

/** Bytes there is room for at first. */
const FIRST = 1024;

export class UnwrittenRecords {
  /** Where they begin in the file. */
  at = 0;
  length = 0;
  bytes = new Uint8Array(FIRST);

  /** Where the next record goes. */
  get end(): number {
    return this.at + this.length;
  }

  /** Adds a record, and returns its position. */
  add(salt: number, kind: number, parts: readonly Uint8Array[]): number {
    const end = parts.reduce((sum, part) => sum + part.length, this.length + FRAME);
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    const position = this.end;
    writeRecord(this.bytes, this.length, salt, kind, parts);
    this.length = end;
    return position;
  }

  /** Takes all of them out: the next one comes behind them. */
  take(): { readonly at: number; readonly bytes: Uint8Array } {
    const taken = { at: this.at, bytes: this.bytes.subarray(0, this.length) };
    this.at = this.end;
    this.length = 0;
    this.bytes = new Uint8Array(FIRST);
    return taken;
  }

  /** Drops all of them: the next one comes there. */
  clear(at: number): void {
    this.at = at;
    this.length = 0;
  }
}
