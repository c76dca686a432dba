/** The graph on disk: one record per channel, policy and node, each holding the announcement as it was received. */
import { u32be } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, encode, rest, struct, u16, u32 } from '../../wire/codec.ts';
import { sat, txid } from '../../wire/fields.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { Store } from '../ports/ports.ts';
import { announcedChannel, announcedNode, type Graph, type NodeKey, policyOf, type Side } from './graph.ts';
import { type AnnouncedFunding, NOWHERE, type RawMessages } from './rawmessages.ts';

const stored = struct({ capacity: sat, funding: struct({ txid, vout: u16 }), raw: rest });
const key = (scid: ShortChannelId): string => scid.toString(16).padStart(16, '0');

const spentKey = (scid: ShortChannelId): string => `graph/spent/${key(scid)}`;

/** Milliseconds for which verified gossip is collected before it is written. After a crash it can be queried again. */
const GATHER_MS = 2_000;
/** Number of records at which they are written at once. */
const MAX_GATHERED = 2_000;

export interface GraphStoreParts {
  readonly store: Pick<Store, 'commit'>;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
  /** The store failed. */
  readonly fatal: (error: unknown) => void;
}

/**
 * Stores verified gossip. Announcements are collected for a while and written together, since a synced write for each would be as slow
 * as the disk; changes by blocks are written with the block.
 */
export class GraphStore implements RawMessages {
  private readonly parts: GraphStoreParts;
  private gathered = new Map<string, Uint8Array>();
  private armed = false;
  private readonly messages = new Map<number, Uint8Array>();
  private readonly positions = new Map<string, number>();
  private next = 0;

  constructor(parts: GraphStoreParts) {
    this.parts = parts;
  }

  channel(channel: AnnouncedFunding, raw: Uint8Array): number {
    const name = `graph/channel/${key(channel.scid)}`;
    this.gather(name, encode(stored, { ...channel, raw }));
    return this.place(name, raw);
  }

  policy(scid: ShortChannelId, side: Side, raw: Uint8Array): number {
    const name = `graph/policy/${key(scid)}/${side}`;
    this.gather(name, raw);
    return this.place(name, raw);
  }

  node(id: NodeKey, raw: Uint8Array): number {
    const name = `graph/node/${id}`;
    this.gather(name, raw);
    return this.place(name, raw);
  }

  removed(): void {}

  read(position: number): Uint8Array | undefined {
    return this.messages.get(position);
  }

  /** Keeps a message instead of the one before it with that name, and returns its position. */
  place(name: string, raw: Uint8Array): number {
    this.messages.delete(this.positions.get(name) ?? NOWHERE);
    this.positions.set(name, this.next);
    this.messages.set(this.next, raw);
    return this.next++;
  }

  /** The changes that delete a channel, and the nodes that have no other. */
  deleted(scid: ShortChannelId, nodes: readonly NodeKey[]): readonly Change[] {
    const keys = [
      `graph/channel/${key(scid)}`,
      `graph/policy/${key(scid)}/0`,
      `graph/policy/${key(scid)}/1`,
      spentKey(scid),
      ...nodes.map((id) => `graph/node/${id}`),
    ];
    for (const gone of keys) {
      this.gathered.delete(gone);
      this.messages.delete(this.positions.get(gone) ?? NOWHERE);
      this.positions.delete(gone);
    }
    return keys.map((gone) => ({ key: gone, value: undefined }));
  }

  /** The change that stores the height at which a channel's funding output was spent; undefined: it is unspent (again). */
  spent(scid: ShortChannelId, height: number | undefined): Change {
    return { key: spentKey(scid), value: height === undefined ? undefined : u32be(height) };
  }

  /** Writes what was collected. Resolves when it is durable, or the store failed. */
  async flush(): Promise<void> {
    if (this.gathered.size === 0) return;
    const changes = [...this.gathered].map(([name, value]) => ({ key: name, value }));
    this.gathered = new Map();
    await this.parts.store.commit(changes).catch(this.parts.fatal);
  }

  private gather(name: string, value: Uint8Array): void {
    this.gathered.set(name, value);
    if (this.gathered.size >= MAX_GATHERED) void this.flush();
    if (this.armed) return;
    this.armed = true;
    this.parts.later(GATHER_MS, () => {
      this.armed = false;
      void this.flush();
    });
  }
}

/** Loads a graph from the store. Signatures and funding outputs were checked before the records were written. */
export const loadGraph = async (store: Store, graph: Graph, saved: GraphStore): Promise<void> => {
  for await (const [name, value] of store.entries('graph/channel/')) {
    const { capacity, funding, raw } = decode(stored, value);
    const m = decodeMessage(raw);
    if (m.name !== 'channel_announcement') throw new Error(`record ${name} holds a ${m.name}`);
    graph.placeChannel(announcedChannel(m, { capacity, funding }), saved.place(name, raw));
  }
  for await (const [name, raw] of store.entries('graph/policy/')) {
    const m = decodeMessage(raw);
    if (m.name !== 'channel_update') throw new Error(`record ${name} holds a ${m.name}`);
    const side: Side = name.endsWith('/0') ? 0 : 1;
    graph.placePolicy(shortChannelId(m.short_channel_id), side, policyOf(m, raw), saved.place(name, raw));
  }
  for await (const [name, raw] of store.entries('graph/node/')) {
    const m = decodeMessage(raw);
    if (m.name !== 'node_announcement') throw new Error(`record ${name} holds a ${m.name}`);
    graph.placeNode(announcedNode(m), saved.place(name, raw));
  }
  for await (const [name, value] of store.entries('graph/spent/'))
    graph.setSpent(shortChannelId(BigInt(`0x${name.slice('graph/spent/'.length)}`)), decode(u32, value));
};
