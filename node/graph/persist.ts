/**
 * The graph between two starts. Messages lie in the file of gossip, which is not synced. What blocks do to channels is in the store,
 * committed with the block: a channel that is spent or gone stays so after a crash, whatever the file still holds of it.
 */
import { hex, u32be } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, rest, struct, u8, u16, u32, u64, WireError } from '../../wire/codec.ts';
import { sat, txid } from '../../wire/fields.ts';
import { decodeMessage } from '../../wire/message.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import type { Log, Store } from '../ports/ports.ts';
import { readRecord } from '../store/records.ts';
import { announcedChannel, announcedNode, policyOf } from './announced.ts';
import type { GossipLog } from './gossiplog.ts';
import { CHANNEL, type GossipRecord, NODE, POLICY, REMOVED } from './gossiprecords.ts';
import type { Graph } from './graph.ts';
import { NOWHERE } from './rawmessages.ts';

/** Milliseconds between two looks at what can be tidied up. */
export const TIDY_MS = 60_000;
/** Bytes of a file that is not worth being written anew. */
const SMALL = 1024 * 1024;
/** Bytes of usual records: a channel_announcement, a channel_update, a node_announcement. */
const USUAL = { channel: 490, policy: 154, node: 250 } as const;
/** Blocks that a file may be behind: more, and it is not the file that belongs to this store. */
const MOST_BEHIND = 6;

const BLOCKS = 'chain/block/';
const SPENT = 'graph/spent/';
const GONE = 'graph/gone/';
/** Present while channels may be in the graph that were closed without the graph being told. */
const UNSURE = 'graph/unsure';

const key = (scid: ShortChannelId): string => scid.toString(16).padStart(16, '0');
const scidIn = (name: string, prefix: string): ShortChannelId =>
  shortChannelId(BigInt(`0x${name.slice(prefix.length)}`));

const scid = struct({ scid: u64 });
const channelBody = struct({ scid: u64, capacity: sat, txid, vout: u16, raw: rest });
const policyBody = struct({ scid: u64, side: u8, raw: rest });

export interface GraphStoreParts {
  readonly store: Store;
  readonly graph: Graph;
  readonly messages: GossipLog;
  readonly log: Log;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
  /** The store failed. */
  readonly fatal: (error: unknown) => void;
}

export class GraphStore {
  private readonly parts: GraphStoreParts;
  /** Channels of which the store says that they are gone, until the file says so. */
  private readonly gone = new Set<ShortChannelId>();
  private unsure = false;
  /** Failures of the file before anything could be lost that a look at all channels takes out of it. */
  private failuresBefore = 0;
  /** Bytes that were live when the file was written anew. */
  private live = 0;

  private constructor(parts: GraphStoreParts) {
    this.parts = parts;
  }

  /** Reads the graph. Signatures and funding outputs were checked before it was written. Throws StoreError. */
  static async load(parts: GraphStoreParts): Promise<GraphStore> {
    const loaded = new GraphStore(parts);
    const { graph, messages } = parts;
    messages.onLost = (from) => graph.moveMessages((position) => (position < from ? position : NOWHERE));
    await loaded.read();
    loaded.tidyLater();
    return loaded;
  }

  private async read(): Promise<void> {
    const { graph, messages, store } = this.parts;
    const damaged = await messages.load((record) => this.take(record));
    const over: Change[] = [];
    for await (const [name, value] of store.entries(SPENT)) {
      const id = scidIn(name, SPENT);
      if (graph.channelPosition(id) === NOWHERE) over.push({ key: name, value: undefined });
      else
        graph.setSpent(
          id,
          readRecord(name, value, (bytes) => decode(u32, bytes)),
        );
    }
    for await (const [name] of store.entries(GONE)) {
      const id = scidIn(name, GONE);
      this.gone.add(id);
      graph.removeChannel(id);
    }
    const top = Number((await store.last(BLOCKS))?.slice(BLOCKS.length) ?? 0);
    this.unsure = (await store.get(UNSURE)) !== undefined;
    this.failuresBefore = messages.failures;
    // A store without blocks is a new one beside an older file: the blocks meanwhile are told to nobody.
    const isForeign = top === 0 || messages.height < top - MOST_BEHIND;
    if (!this.unsure && graph.size.channels > 0 && (damaged > 0 || isForeign)) {
      this.unsure = true;
      over.push({ key: UNSURE, value: new Uint8Array() });
    }
    if (over.length > 0) await store.commit(over);
  }

  private take(record: GossipRecord): void {
    const { graph, log } = this.parts;
    try {
      take(graph, record);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
      log.debug(
        { position: record.position, error },
        'a stored message of gossip cannot be read, and is asked for again',
      );
    }
  }

  /** Channels may be in the graph that were closed without the graph being told: a part of what was stored was lost. */
  get isUnsure(): boolean {
    return this.unsure;
  }

  /** All channels have been looked up, at that height of the graph: again after the next start, where the disk did not take that. Never rejects. */
  async sure(height: number): Promise<void> {
    this.unsure = false;
    this.applied(height);
    const { messages, store, fatal } = this.parts;
    // What was taken out has to be gone from the file first: after a crash it would be back, and nobody would look.
    if (!(await messages.sync(this.failuresBefore))) return;
    await store.commit([{ key: UNSURE, value: undefined }]).catch(fatal);
  }

  /** The changes that note a channel which a block took out of the graph. */
  removed(scid: ShortChannelId): readonly Change[] {
    this.gone.add(scid);
    return [
      { key: GONE + key(scid), value: new Uint8Array() },
      { key: SPENT + key(scid), value: undefined },
    ];
  }

  /** The change that notes the height at which a channel's funding output was spent; undefined: it is unspent (again). */
  spent(scid: ShortChannelId, height: number | undefined): Change {
    return { key: SPENT + key(scid), value: height === undefined ? undefined : u32be(height) };
  }

  /** The graph has applied a block. */
  applied(height: number): void {
    if (!this.unsure) this.parts.messages.applied(height);
  }

  private tidyLater(): void {
    this.parts.later(TIDY_MS, () => {
      this.tidyLater();
      void this.tidy();
    });
  }

  /** Has the file say what is gone, and writes it anew where half of it is no longer of use. Never rejects. */
  async tidy(): Promise<void> {
    await this.settle();
    const { graph, messages } = this.parts;
    if (messages.end < SMALL + 2 * Math.max(this.live, this.usualSize())) return;
    const isNew = await messages.compact(
      (record) => isLive(graph, record),
      (to) => graph.moveMessages(to),
    );
    // What is larger than usual stays so: it is not written anew again and again.
    if (isNew) this.live = messages.end;
  }

  private usualSize(): number {
    const { channels, nodes } = this.parts.graph.size;
    return channels * (USUAL.channel + 2 * USUAL.policy) + nodes * USUAL.node;
  }

  private async settle(): Promise<void> {
    const { graph, messages, store, fatal } = this.parts;
    const gone = [...this.gone];
    if (gone.length === 0) return;
    const { failures } = messages;
    // Again, in case that it was lost on the way; one that was announced anew is not gone.
    for (const id of gone) if (graph.channelPosition(id) === NOWHERE) messages.removed(id);
    if (!(await messages.sync(failures))) return;
    for (const id of gone) this.gone.delete(id);
    await store.commit(gone.map((id) => ({ key: GONE + key(id), value: undefined }))).catch(fatal);
  }

  /** Writes what waits, and closes the file. Never rejects. */
  async close(): Promise<void> {
    await this.settle();
    await this.parts.messages.close();
  }
}

/** Enters what a record holds. Throws WireError, RangeError. */
const take = (graph: Graph, { kind, body, position }: GossipRecord): void => {
  switch (kind) {
    case CHANNEL: {
      const { capacity, txid, vout, raw } = decode(channelBody, body);
      const m = decodeMessage(raw);
      if (m.name !== 'channel_announcement') return;
      graph.placeChannel(announcedChannel(m, { capacity, funding: { txid, vout } }), position);
      return;
    }
    case POLICY: {
      const { scid, side, raw } = decode(policyBody, body);
      const m = decodeMessage(raw);
      const id = shortChannelId(scid);
      if (m.name !== 'channel_update' || (side !== 0 && side !== 1)) return;
      if (m.timestamp > graph.policyTimestamp(id, side)) graph.placePolicy(id, side, policyOf(m, raw), position);
      return;
    }
    case NODE: {
      const m = decodeMessage(body.subarray(33));
      if (m.name !== 'node_announcement') return;
      const node = announcedNode(m);
      if (graph.hasChannel(node.id) && node.timestamp > (graph.node(node.id)?.timestamp ?? -1))
        graph.placeNode(node, position);
      return;
    }
    case REMOVED:
      graph.dropChannel(shortChannelId(decode(scid, body).scid));
  }
};

/** Whether the graph has the message of a record, and has it there. */
const isLive = (graph: Graph, { kind, body, position }: GossipRecord): boolean => {
  if (kind === NODE) return graph.nodePosition(hex(body.subarray(0, 33))) === position;
  const id = shortChannelId(new DataView(body.buffer, body.byteOffset).getBigUint64(0));
  if (kind === CHANNEL) return graph.channelPosition(id) === position;
  return kind === POLICY && graph.channelPosition(id, body[8] === 1 ? 1 : 0) === position;
};
