/**
 * What became of every HTLC that was to be forwarded, for `listforwards`: a record when it is offered to the next channel, and the same
 * once more with its end. Those under way are in memory and have a mark in the store, so that a start reads only those. Nothing is
 * decided by these records: the channels hold both ends of a forward.
 */

import { htlcName } from '../../amp/sets.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { bytes16, type Codec, decode, encode, map, optional, struct, u8, u16, u64 } from '../../wire/codec.ts';
import { msat, shortChannelId } from '../../wire/fields.ts';
import type { Msat, ShortChannelId } from '../../wire/units.ts';
import { Listeners } from '../base/listeners.ts';
import type { Store } from '../ports/ports.ts';
import { Numbered, numbersBelow, numberText } from '../store/numbered.ts';

const RECORDS = 'forward/';
/** A mark for each forward under way, by its number. */
const PENDING = 'forwarding/';
const EMPTY = new Uint8Array();
/** Records that are kept, the latest: whoever sends HTLCs can have one written for each. */
const MOST_FORWARDS = 100_000n;

/** `local_failed`: not offered to the next channel. `failed`: failed or timed out behind it. */
export const forwardStatuses = ['offered', 'settled', 'local_failed', 'failed'] as const;
export type ForwardStatus = (typeof forwardStatuses)[number];

/** An HTLC that is to be forwarded. */
export interface ForwardedHtlc {
  /** The incoming channel's key, and the HTLC's id there. */
  readonly channel: string;
  readonly id: bigint;
  readonly amount: Msat;
  /** The short_channel_id in the onion, and the amount that it asks for. */
  readonly to: ShortChannelId;
  readonly toForward: Msat;
}

export interface ForwardRecord {
  readonly createdIndex: bigint;
  readonly channel: string;
  /** The short_channel_id of the incoming channel, or an alias where it has none. */
  readonly from: ShortChannelId | undefined;
  readonly id: bigint;
  readonly amount: Msat;
  readonly to: ShortChannelId;
  readonly toForward: Msat;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly status: ForwardStatus;
  readonly end:
    | {
        readonly at: number;
        /** The HTLC's id in the outgoing channel, where it was offered there. */
        readonly outId: bigint | undefined;
        /** BOLT 4's code of a failure that was made here. */
        readonly failureCode: number | undefined;
      }
    | undefined;
}

const number: Codec<number> = map(u64, Number, BigInt);
const status: Codec<ForwardStatus> = map(
  u8,
  (n) => {
    const found = forwardStatuses[n];
    if (found === undefined) throw new RangeError(`one of ${forwardStatuses.join(', ')}`);
    return found;
  },
  (word) => forwardStatuses.indexOf(word),
);
const codec: Codec<ForwardRecord> = struct({
  createdIndex: u64,
  channel: map(bytes16, text, utf8),
  from: optional(shortChannelId),
  id: u64,
  amount: msat,
  to: shortChannelId,
  toForward: msat,
  receivedAt: number,
  status,
  end: optional(struct({ at: number, outId: optional(u64), failureCode: optional(u16) })),
});

export interface ForwardLogParts {
  readonly store: Store;
  /** Keeps changes with the next synced write. */
  readonly save: (changes: readonly Change[]) => void;
  /** Runs something once all that was saved is durable. */
  readonly afterSaved: (run: () => void) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The short_channel_id of a channel by its key, or an alias where it has none. */
  readonly scidOf: (channel: string) => ShortChannelId | undefined;
  /** How many records are kept; 100,000 unless given. */
  readonly most?: bigint;
}

export class ForwardLog {
  private readonly parts: ForwardLogParts;
  private readonly records: Numbered<ForwardRecord>;
  /** Numbers of the forwards under way, by the incoming HTLC's name. */
  private readonly pending = new Map<string, bigint>();
  private last = 0n;
  /** Told of each record that begins or ends. */
  readonly changed = new Listeners<ForwardRecord>();

  private constructor(parts: ForwardLogParts) {
    this.parts = parts;
    this.records = new Numbered(parts.store, RECORDS, (bytes) => decode(codec, bytes));
  }

  /** Reads those under way. Throws StoreError. */
  static async load(parts: ForwardLogParts): Promise<ForwardLog> {
    const log = new ForwardLog(parts);
    log.last = await log.records.last();
    for await (const n of numbersBelow(parts.store, PENDING)) {
      const record = await log.records.get(n);
      if (record === undefined) continue;
      log.records.inMemory.set(n, record);
      log.pending.set(htlcName(record), n);
    }
    return log;
  }

  /** At start, once the channels are there: ends what no channel knows of any more. */
  restore(isKnown: (channel: string, id: bigint) => boolean): void {
    for (const n of [...this.pending.values()]) {
      const record = this.records.inMemory.get(n);
      if (record !== undefined && !isKnown(record.channel, record.id)) this.end(record.channel, record.id, 'failed');
    }
  }

  private begin(htlc: ForwardedHtlc): ForwardRecord {
    this.last += 1n;
    const from = this.parts.scidOf(htlc.channel);
    const receivedAt = this.parts.now();
    return { ...htlc, createdIndex: this.last, from, receivedAt, status: 'offered', end: undefined };
  }

  /** What a record that is one more than are kept takes the place of. */
  private oldest(n: bigint): readonly Change[] {
    const gone = n - (this.parts.most ?? MOST_FORWARDS);
    return gone > 0n && !this.records.inMemory.has(gone) ? [{ key: RECORDS + numberText(gone), value: undefined }] : [];
  }

  /** It is offered to the next channel; once only, though a restart may have it offered again. */
  offered(htlc: ForwardedHtlc): void {
    const name = htlcName(htlc);
    if (this.pending.has(name)) return;
    const record = this.begin(htlc);
    const n = record.createdIndex;
    this.records.inMemory.set(n, record);
    this.pending.set(name, n);
    const key = numberText(n);
    this.parts.save([
      { key: RECORDS + key, value: encode(codec, record) },
      { key: PENDING + key, value: EMPTY },
      ...this.oldest(n),
    ]);
    this.changed.tell(record);
  }

  /** It is not offered to the next channel, or that one did not take it: it goes back with this failure of BOLT 4. */
  localFailed(htlc: ForwardedHtlc, failureCode: number): void {
    if (this.pending.has(htlcName(htlc))) {
      this.end(htlc.channel, htlc.id, 'local_failed', { failureCode });
      return;
    }
    const begun = this.begin(htlc);
    const n = begun.createdIndex;
    const end = { at: begun.receivedAt, outId: undefined, failureCode };
    const record: ForwardRecord = { ...begun, status: 'local_failed', end };
    this.keep(record, [...this.oldest(n)]);
  }

  /** It ended; nothing where it is not under way. */
  end(
    channel: string,
    id: bigint,
    status: Exclude<ForwardStatus, 'offered'>,
    { outId, failureCode }: { readonly outId?: bigint; readonly failureCode?: number } = {},
  ): void {
    const name = htlcName({ channel, id });
    const n = this.pending.get(name);
    const before = n === undefined ? undefined : this.records.inMemory.get(n);
    if (n === undefined || before === undefined) return;
    this.pending.delete(name);
    const record = { ...before, status, end: { at: this.parts.now(), outId, failureCode } };
    this.keep(record, [{ key: PENDING + numberText(n), value: undefined }]);
  }

  /** Saves a record that is over; it leaves memory once that is durable. */
  private keep(record: ForwardRecord, more: readonly Change[]): void {
    const n = record.createdIndex;
    this.records.inMemory.set(n, record);
    this.parts.save([{ key: RECORDS + numberText(n), value: encode(codec, record) }, ...more]);
    this.changed.tell(record);
    this.parts.afterSaved(() => {
      if (this.records.inMemory.get(n) === record) this.records.inMemory.delete(n);
    });
  }

  /** Those that are kept, from a number on, oldest first. Throws StoreError. */
  list(first = 0n): AsyncGenerator<ForwardRecord> {
    return this.records.list(first);
  }
}
