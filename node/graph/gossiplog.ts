/**
 * Gossip on disk: messages are appended as they come, and read by position when they are needed. Peers can send all of it again, so
 * nothing waits for a write, and a disk that fails costs gossip and nothing else: a line in the log says so, and nothing is stored until
 * the disk works again.
 */
import { u16be, u32be, u64be, unhex } from '../../wire/bytes.ts';
import type { ShortChannelId } from '../../wire/units.ts';
import { reasonOf } from '../base/fileserror.ts';
import type { GrowingFile } from '../ports/ports.ts';
import { GossipCopy } from './gossipcopy.ts';
import { type GossipFileParts, openGossipFile } from './gossipfile.ts';
import {
  CHANNEL,
  type Damage,
  FRAME,
  type GossipRecord,
  HEADER,
  HEIGHT,
  headerWith,
  MAX_BODY,
  NODE,
  POLICY,
  REMOVED,
  recordAt,
  recordsOf,
} from './gossiprecords.ts';
import { type AnnouncedFunding, NOWHERE, type RawMessages } from './rawmessages.ts';
import { UnwrittenRecords } from './unwrittenrecords.ts';

/** Bytes of a record's body before the message itself. */
export const BYTES_BEFORE_MESSAGE: Readonly<Record<number, number>> = { [CHANNEL]: 50, [POLICY]: 9, [NODE]: 33 };

/** Milliseconds for which messages are collected before they are written. */
const GATHER_MS = 2_000;
/** So many collected bytes are written without waiting longer. */
const GATHERED = 256 * 1024;
/** Most bytes that wait for a slow disk; messages beyond that are not stored. */
const MOST_WAITING = 8 * 1024 * 1024;
/** Milliseconds after which a disk that failed is tried again. */
export const RETRY_MS = 60_000;
/** Bytes of a first read, in which most records fit. */
const USUAL = 1024;

export interface GossipLogParts extends GossipFileParts {
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
}

/** What is being written: bytes, where, and its end. */
interface Writing {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly done: Promise<void>;
}

export class GossipLog implements RawMessages {
  /** Called when unwritten messages were lost: all from this position on. */
  onLost: (from: number) => void = () => undefined;
  /** How many writes failed. */
  failures = 0;
  private readonly parts: GossipLogParts;
  /** undefined where the file cannot be opened. */
  private file: GrowingFile | undefined;
  private salt = 0;
  /** The disk has just failed: nothing is stored until the next attempt. */
  private isFailing = false;
  /** No write has succeeded since the disk failed. */
  private isTroubled = false;
  /** The height up to which the file says which channels were closed. */
  private lastHeight = 0;
  private readonly waiting = new UnwrittenRecords();
  private writing: Writing | undefined;
  private armed = false;
  private exclusive: Promise<unknown> = Promise.resolve();
  private readonly scratch = new Uint8Array(FRAME + MAX_BODY);

  private constructor(parts: GossipLogParts) {
    this.parts = parts;
  }

  /** Opens the file. One that this node cannot have written is renamed, and a new one begun; never rejects. */
  static async open(parts: GossipLogParts): Promise<GossipLog> {
    const opened = new GossipLog(parts);
    const begun = await openGossipFile(parts);
    if (begun !== undefined) [opened.file, opened.salt, opened.waiting.at] = [begun.file, begun.salt, begun.end];
    return opened;
  }

  /** The height of the last block that the graph has applied, as far as the file knows. */
  get height(): number {
    return this.lastHeight;
  }

  /** Where the next record goes: the size of the file, with what waits to be written. */
  get end(): number {
    return this.waiting.end;
  }

  /**
   * Hands every whole record to `take`, in order, yielding to other work in between. Cuts off an incomplete end. Returns how many bytes
   * were damaged. Called once, before anything is appended; never rejects.
   */
  async load(take: (record: GossipRecord) => void): Promise<number> {
    const { file, salt } = this;
    if (file === undefined) return 0;
    const { log, files } = this.parts;
    const damage: Damage = { bytes: 0, torn: 0 };
    let end = HEADER;
    try {
      let isFirst = true;
      for (const group of recordsOf(file, { from: HEADER, to: this.waiting.at, salt, damage })) {
        if (!isFirst) await new Promise(setImmediate);
        isFirst = false;
        for (const record of group) {
          if (record.kind === HEIGHT && record.body.length === 4) this.lastHeight = heightOf(record.body);
          else take(record);
          end = record.position + record.whole.length;
        }
      }
      if (end < this.waiting.at) await file.truncate(end);
      this.waiting.at = end;
    } catch (error) {
      this.file = undefined;
      log.warn(
        { file: files.path, reason: reasonOf(error) },
        'gossip is not stored: its file cannot be read, and the network is asked for again at each start',
      );
      return damage.bytes + damage.torn;
    }
    const { bytes, torn } = damage;
    if (bytes + torn > 0)
      log.warn(
        { file: files.path, damaged: bytes, torn },
        'a part of the stored gossip was damaged, and is asked for again: the rest is there',
      );
    return bytes + torn;
  }

  channel({ scid, capacity, funding }: AnnouncedFunding, raw: Uint8Array): number {
    return this.append(CHANNEL, [u64be(scid), u64be(capacity), funding.txid, u16be(funding.vout), raw]);
  }

  policy(scid: ShortChannelId, side: 0 | 1, raw: Uint8Array): number {
    return this.append(POLICY, [u64be(scid), Uint8Array.of(side), raw]);
  }

  node(id: string, raw: Uint8Array): number {
    return this.append(NODE, [unhex(id), raw]);
  }

  removed(scid: ShortChannelId): void {
    this.append(REMOVED, [u64be(scid)]);
  }

  /** The graph has applied the block of that height. */
  applied(height: number): void {
    this.lastHeight = height;
    this.append(HEIGHT, [u32be(height)]);
  }

  private append(kind: number, parts: readonly Uint8Array[]): number {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const isTooMuch = length > MAX_BODY || this.waiting.length + length > MOST_WAITING;
    if (this.file === undefined || this.isFailing || isTooMuch) {
      this.failures++;
      return NOWHERE;
    }
    const position = this.waiting.add(this.salt, kind, parts);
    if (this.waiting.length >= GATHERED) void this.write();
    else this.arm();
    return position;
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    this.parts.later(GATHER_MS, () => {
      this.armed = false;
      void this.write();
    });
  }

  read(position: number): Uint8Array | undefined {
    const [bytes, at, end] = this.bytesAt(position);
    const length = recordAt(bytes, at, end, this.salt);
    const beside = BYTES_BEFORE_MESSAGE[bytes[at + 6] ?? 0];
    return length === undefined || beside === undefined ? undefined : bytes.slice(at + FRAME + beside, at + length);
  }

  /** Bytes in which a record stands, where, and where they end. */
  private bytesAt(position: number): readonly [bytes: Uint8Array, at: number, end: number] {
    const { waiting, writing, file, scratch } = this;
    if (position >= waiting.at) return [waiting.bytes, position - waiting.at, waiting.length];
    if (writing !== undefined && position >= writing.at)
      return [writing.bytes, position - writing.at, writing.bytes.length];
    if (file === undefined) return [scratch, 0, 0];
    try {
      const read = file.read(position, scratch.subarray(0, USUAL));
      const length = FRAME + (scratch[4] ?? 0) * 256 + (scratch[5] ?? 0);
      if (length <= read || length > scratch.length) return [scratch, 0, read];
      return [scratch, 0, file.read(position, scratch)];
    } catch (error) {
      this.parts.log.debug({ position, reason: reasonOf(error) }, 'a stored message of gossip cannot be read');
      return [scratch, 0, 0];
    }
  }

  /** Begins to write the waiting records, unless a write is under way. Resolves when the write has ended; never rejects. */
  private write(): Promise<void> {
    if (this.writing !== undefined) return this.writing.done;
    const { file } = this;
    if (file === undefined || this.waiting.length === 0) return Promise.resolve();
    const { at, bytes } = this.waiting.take();
    const done = file.write(at, bytes).then(
      () => {
        this.writing = undefined;
        if (this.isTroubled) this.parts.log.info({ file: this.parts.files.path }, 'gossip is stored again');
        this.isTroubled = false;
        if (this.waiting.length > 0) this.arm();
      },
      (error: unknown) => this.fail(at, error),
    );
    this.writing = { at, bytes, done };
    return done;
  }

  /** Drops the records that could not be written, and stores nothing until the next attempt. */
  private fail(at: number, error: unknown): void {
    const { log, files, later } = this.parts;
    this.writing = undefined;
    this.waiting.clear(at);
    this.onLost(at);
    const told = { file: files.path, reason: reasonOf(error) };
    if (this.isTroubled) log.debug(told, 'gossip is still not stored');
    else
      log.warn(
        told,
        'gossip is not stored: the node goes on without, tries again each minute, and asks for it again after a restart',
      );
    this.failures++;
    // A write that failed behind a sync that did has set the time already.
    if (!this.isFailing) later(RETRY_MS, () => void this.tryAgain());
    [this.isTroubled, this.isFailing] = [true, true];
  }

  private async tryAgain(): Promise<void> {
    // A part of the failed write may be in the file; the next write must not leave it behind itself.
    await this.file?.truncate(this.waiting.at).catch(() => undefined);
    this.isFailing = false;
  }

  /** Writes all waiting records. Resolves when they are in the file, or lost; never rejects. */
  async flush(): Promise<void> {
    while (this.writing !== undefined || (this.file !== undefined && this.waiting.length > 0)) await this.write();
  }

  /**
   * Writes all waiting records and syncs the file. Resolves with whether everything is stored that was appended since `this.failures`
   * was `failures`; never rejects.
   */
  sync(failures: number): Promise<boolean> {
    return this.alone(async () => {
      await this.flush();
      try {
        await this.file?.sync();
      } catch (error) {
        // What is being written meanwhile has to end first: the place behind it is where the file is cut and written on.
        while (this.writing !== undefined) await this.writing.done;
        this.fail(this.waiting.at, error);
      }
      return this.file !== undefined && this.failures === failures;
    });
  }

  /**
   * Replaces the file with a copy of its live records. `moved` is given the new positions; messages that arrive meanwhile are in the new
   * file, too. After a crash at any instant either the old file is there or the new one. Resolves with whether it was replaced; never
   * rejects.
   */
  compact(
    isLive: (record: GossipRecord) => boolean,
    moved: (to: (position: number) => number) => void,
  ): Promise<boolean> {
    return this.alone(async () => {
      const { file, salt, lastHeight } = this;
      const { files, chain, log } = this.parts;
      if (file === undefined || this.isFailing) return false;
      let next: GrowingFile | undefined;
      const copy = new GossipCopy({ salt, isLive, begun: this.end });
      try {
        next = await files.create();
        await copy.begin(next, headerWith(chain, salt), lastHeight);
        await this.flush();
        await copy.upTo(file, next, this.written);
        await next.sync();
        await files.replace();
      } catch (error) {
        await next?.close().catch(() => undefined);
        log.debug(
          { file: files.path, reason: reasonOf(error) },
          'the file of gossip cannot be written anew, and stays as it is',
        );
        return false;
      }
      try {
        while (copy.seen < this.written || this.writing !== undefined) {
          await this.flush();
          await copy.upTo(file, next, this.written);
        }
      } catch (error) {
        log.debug({ file: files.path, reason: reasonOf(error) }, 'some of the gossip that has just come is not stored');
        // A part of what could not be copied must not follow what is written now, and what still goes to the old file is lost.
        await next.truncate(copy.end).catch(() => undefined);
        while (this.writing !== undefined) await this.writing.done;
      }
      // In one turn of the event loop: the waiting records go to the new file, and so have new positions.
      const [before, now] = [this.waiting.at, copy.end];
      moved((position) => (position >= before ? position - before + now : copy.movedTo(position)));
      this.waiting.at = now;
      this.file = next;
      await file.close().catch(() => undefined);
      return true;
    });
  }

  /** The position up to which appended records are in the file. */
  private get written(): number {
    return this.writing?.at ?? this.waiting.at;
  }

  /** Runs `work` after all that was given here before, one at a time. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.exclusive.then(work);
    this.exclusive = done.catch(() => undefined);
    return done;
  }

  /** Writes all waiting records and closes the file; nothing can be stored or read any more. Never rejects. */
  async close(): Promise<void> {
    await this.sync(this.failures);
    await this.alone(async () => {
      const { file } = this;
      this.file = undefined;
      await file?.close().catch(() => undefined);
    });
  }
}

const heightOf = (body: Uint8Array): number => new DataView(body.buffer, body.byteOffset).getUint32(0);
