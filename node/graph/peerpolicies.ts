/**
 * The peers' policies towards us for our channels with them, announced or not: they go into the route hints of our invoices, which nobody
 * can use without them. They are stored, since a peer may tell them once only: Electrum does not after a restart of ours.
 */
import type { Change } from '../../wire/change.ts';
import { bool, type Codec, decode, encode, struct, u16, u32 } from '../../wire/codec.ts';
import { msat } from '../../wire/fields.ts';
import { type Point, type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';
import { type NodeKey, nodeKey, type Policy } from './graph.ts';

const PREFIX = 'graph/peer/';

/** Most policies known of one peer: it may tell them under ids that we do not know yet. The one told longest ago goes first. */
const MAX_OF_PEER = 256;

/** Milliseconds for which policies are gathered before they are saved: a peer that tells new ones all the time costs a write each time. */
const SAVE_AFTER_MS = 200;

const record: Codec<Policy> = struct({
  timestamp: u32,
  cltvExpiryDelta: u16,
  htlcMinimum: msat,
  htlcMaximum: msat,
  feeBase: msat,
  feeProportional: u32,
  disabled: bool,
  checksum: u32,
});

const recordKey = (peer: NodeKey, scid: ShortChannelId): string =>
  `${PREFIX}${peer}/${scid.toString(16).padStart(16, '0')}`;

export interface PeerPoliciesParts {
  /** Keeps changes; resolves when they are durable. */
  readonly keep: (changes: readonly Change[]) => Promise<void>;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
}

export class PeerPolicies {
  private readonly parts: PeerPoliciesParts;
  private readonly told = new Map<NodeKey, Map<ShortChannelId, Policy>>();
  /** Records that differ from what is stored, by key; undefined where nothing is to be stored any more. */
  private readonly unsaved = new Map<string, Policy | undefined>();

  constructor(parts: PeerPoliciesParts) {
    this.parts = parts;
  }

  /** Throws StoreError. */
  async load(store: Pick<Store, 'entries'>): Promise<void> {
    for await (const [key, value] of store.entries(PREFIX)) {
      const [, , peer = '', scid = ''] = key.split('/');
      const policy = readRecord(key, value, (bytes) => decode(record, bytes));
      this.of(peer).set(shortChannelId(BigInt(`0x${scid}`)), policy);
    }
  }

  private of(peer: NodeKey): Map<ShortChannelId, Policy> {
    const known = this.told.get(peer) ?? new Map<ShortChannelId, Policy>();
    this.told.set(peer, known);
    return known;
  }

  get(peer: Point, scid: ShortChannelId): Policy | undefined {
    return this.told.get(nodeKey(peer))?.get(scid);
  }

  /** Takes what the peer said last, and saves it soon. An older one than the one known is ignored. */
  set(peer: Point, scid: ShortChannelId, policy: Policy): void {
    const id = nodeKey(peer);
    const known = this.of(id);
    const before = known.get(scid);
    if (before !== undefined && before.timestamp >= policy.timestamp) return;
    known.delete(scid);
    known.set(scid, policy);
    // One that says the same at another time need not be stored again.
    if (before?.checksum !== policy.checksum) this.save(recordKey(id, scid), policy);
    const [oldest] = known.keys();
    if (known.size <= MAX_OF_PEER || oldest === undefined) return;
    known.delete(oldest);
    this.save(recordKey(id, oldest), undefined);
  }

  /** Forgets all of a peer. */
  forget(peer: Point): void {
    this.forgetAllOf(nodeKey(peer));
  }

  /** Forgets all of those peers, after a start: a node that ends just when the last channel with one does has not deleted its records. */
  forgetWhere(isGone: (peer: NodeKey) => boolean): void {
    for (const id of [...this.told.keys()]) if (isGone(id)) this.forgetAllOf(id);
  }

  private forgetAllOf(id: NodeKey): void {
    for (const scid of this.told.get(id)?.keys() ?? []) this.save(recordKey(id, scid), undefined);
    this.told.delete(id);
  }

  private save(key: string, policy: Policy | undefined): void {
    if (this.unsaved.size === 0) this.parts.later(SAVE_AFTER_MS, () => this.saveAll());
    this.unsaved.set(key, policy);
  }

  private saveAll(): void {
    const changes = [...this.unsaved].map(([key, policy]) => ({
      key,
      value: policy === undefined ? undefined : encode(record, policy),
    }));
    this.unsaved.clear();
    void this.parts.keep(changes);
  }
}
