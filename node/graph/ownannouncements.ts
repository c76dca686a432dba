/**
 * Our own announcements in the store: the last channel_update of each channel under each of its short_channel_ids, and our last
 * node_announcement. Timestamps must increase over everything ever sent, whatever the clock or a restart does, and a message that would
 * say the same is not signed again (BOLT 7). The previous policy is stored too, since payers may still use it for a while.
 */
import { equal } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { bytes16, decode, encode, list, u8 } from '../../wire/codec.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type SecretKey, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';
import { policyOf } from './announced.ts';
import { hasSameContent, type OwnPolicy, signAnnouncement } from './gossipsignatures.ts';

const PREFIX = 'graph/own/';
const NODE = `${PREFIX}node`;
const updateKey = (channel: string, scid: ShortChannelId): string =>
  `${PREFIX}update/${channel}/${scid.toString(16).padStart(16, '0')}`;

/** Seconds after which an announcement is sent anew: other nodes prune channels after 14 days without an update. */
export const REFRESH_AFTER = 10 * 24 * 3600;
/** Seconds for which HTLCs may still use the previous policy (BOLT 7, "The channel_update Message"). */
export const OLD_POLICY_SECONDS = 600;

/** The latest, and the last one before it with a different policy. */
interface OwnUpdate {
  readonly last: Uint8Array;
  readonly before: Uint8Array | undefined;
}

const record = list(u8, bytes16);

/** Timestamps of messages that were asked for one: the same few are looked at after each block. */
const timestamps = new WeakMap<Uint8Array, number>();

const timestampOf = (raw: Uint8Array): number => {
  const known = timestamps.get(raw);
  if (known !== undefined) return known;
  const m = decodeMessage(raw);
  const timestamp = m.name === 'channel_update' || m.name === 'node_announcement' ? m.timestamp : 0;
  timestamps.set(raw, timestamp);
  return timestamp;
};

const termsOf = (raw: Uint8Array): OwnPolicy | undefined => {
  const m = decodeMessage(raw);
  return m.name === 'channel_update' ? policyOf(m, raw) : undefined;
};

const sameTerms = (a: OwnPolicy | undefined, b: OwnPolicy | undefined): boolean =>
  a?.feeBase === b?.feeBase &&
  a?.feeProportional === b?.feeProportional &&
  a?.cltvExpiryDelta === b?.cltvExpiryDelta &&
  a?.htlcMinimum === b?.htlcMinimum &&
  a?.htlcMaximum === b?.htlcMaximum;

export interface OwnAnnouncementsParts {
  readonly key: SecretKey;
  /** Unix seconds. */
  readonly now: () => number;
  /** Keeps changes; resolves when they are durable. */
  readonly keep: (changes: readonly Change[]) => Promise<void>;
}

export class OwnAnnouncements {
  private readonly parts: OwnAnnouncementsParts;
  private readonly updates = new Map<string, Map<ShortChannelId, OwnUpdate>>();
  private node: Uint8Array | undefined;

  constructor(parts: OwnAnnouncementsParts) {
    this.parts = parts;
  }

  /** Throws StoreError. */
  async load(store: Pick<Store, 'entries'>): Promise<void> {
    for await (const [key, value] of store.entries(PREFIX)) {
      if (key === NODE) {
        this.node = value;
        continue;
      }
      const [, , , channel = '', scid = ''] = key.split('/');
      const [last, before] = readRecord(key, value, (bytes) => decode(record, bytes));
      if (last !== undefined) this.ofChannel(channel).set(shortChannelId(BigInt(`0x${scid}`)), { last, before });
    }
  }

  private ofChannel(channel: string): Map<ShortChannelId, OwnUpdate> {
    const known = this.updates.get(channel) ?? new Map<ShortChannelId, OwnUpdate>();
    this.updates.set(channel, known);
    return known;
  }

  /**
   * Our channel_update: the last one while `make` would still build the same and it is not old, else a new one with a later timestamp.
   * `seen` is the one that other nodes have, in case ours was lost. It may be sent once `kept` resolves.
   */
  update(
    channel: string,
    scid: ShortChannelId,
    make: (timestamp: number) => Uint8Array,
    seen: Uint8Array | undefined,
  ): { readonly raw: Uint8Array; readonly kept: Promise<void> } {
    const known = this.ofChannel(channel);
    const said = known.get(scid);
    const last = later(said?.last, seen);
    if (last !== undefined && said !== undefined && this.isCurrent(last, make))
      return { raw: last, kept: Promise.resolve() };
    const raw =
      last !== undefined && this.isCurrent(last, make)
        ? last
        : signAnnouncement('channel_update', make(this.next(last)), this.parts.key);
    const changed = last !== undefined && !sameTerms(termsOf(last), termsOf(raw));
    const before = changed ? last : said?.before;
    known.set(scid, { last: raw, before });
    const value = encode(record, before === undefined ? [raw] : [raw, before]);
    return { raw, kept: this.parts.keep([{ key: updateKey(channel, scid), value }]) };
  }

  /** As `update`, for our node_announcement. */
  announcement(
    make: (timestamp: number) => Uint8Array,
    seen: Uint8Array | undefined,
  ): { readonly raw: Uint8Array; readonly kept: Promise<void> } {
    const last = later(this.node, seen);
    if (last !== undefined && this.isCurrent(last, make)) return { raw: last, kept: Promise.resolve() };
    this.node = signAnnouncement('node_announcement', make(this.next(last)), this.parts.key);
    return { raw: this.node, kept: this.parts.keep([{ key: NODE, value: this.node }]) };
  }

  /** The previous policy of a channel, while HTLCs may still use it. */
  previousPolicy(channel: string): OwnPolicy | undefined {
    const now = this.parts.now();
    for (const { last, before } of this.updates.get(channel)?.values() ?? [])
      if (before !== undefined && now < timestampOf(last) + OLD_POLICY_SECONDS) return termsOf(before);
    return undefined;
  }

  /** Deletes the records of a closed channel. */
  forget(channel: string): void {
    const known = this.updates.get(channel);
    this.updates.delete(channel);
    if (known !== undefined)
      void this.parts.keep([...known.keys()].map((scid) => ({ key: updateKey(channel, scid), value: undefined })));
  }

  private isCurrent(last: Uint8Array, make: (timestamp: number) => Uint8Array): boolean {
    const at = timestampOf(last);
    return hasSameContent(make(at), last) && this.parts.now() < at + REFRESH_AFTER;
  }

  private next(last: Uint8Array | undefined): number {
    return Math.max(this.parts.now(), last === undefined ? 1 : timestampOf(last) + 1);
  }
}

const later = (a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  if (equal(a, b)) return a;
  return timestampOf(b) > timestampOf(a) ? b : a;
};
