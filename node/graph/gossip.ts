/**
 * Keeping the graph: every announcement is verified (signatures, and the funding output on the chain), kept, and passed on to
 * the peers that asked for gossip. BOLT 7. What cannot be placed yet waits in bounded room, and what costs us more than its
 * sender is bounded for each of them.
 */

import { equal } from '../../wire/bytes.ts';
import { decodeMessage, type MessageOf } from '../../wire/message.ts';
import { type ChainHash, type Point, type ShortChannelId, scidText } from '../../wire/units.ts';
import { Rates } from '../base/rates.ts';
import type { Chain, Log } from '../ports/ports.ts';
import { verifyChannelAnnouncement, verifyChannelUpdate, verifyNodeAnnouncement } from './announce.ts';
import { FundingLookups } from './fundinglookups.ts';
import { type GossipPeer, GossipRelay } from './gossiprelay.ts';
import {
  announcedChannel,
  announcedNode,
  type Graph,
  type GraphChannel,
  isFresh,
  nodeKey,
  policyOf,
  type Side,
  sideOf,
} from './graph.ts';
import type { GraphStore } from './persist.ts';

export type GossipMessage =
  | MessageOf<'channel_announcement'>
  | MessageOf<'channel_update'>
  | MessageOf<'node_announcement'>;
/** `bad` is a message its sender should not have sent: it gets a warning and loses the connection. */
export type GossipResult = 'new' | 'known' | 'ignored' | 'bad';

/** Updates of channels not announced yet that are kept, all in all: a peer may send them early. */
const MAX_EARLY = 1000;
/** Seconds by which a timestamp may lie ahead of our clock. */
const MAX_AHEAD = 24 * 3600;
/** Bytes of the longest message of each kind that is kept: a plain one, and room for fields of the future and for addresses. */
const MAX_BYTES = { channel_announcement: 1_500, channel_update: 420, node_announcement: 2_400 } as const;
/** How often one end of a channel may change its policy: as lnd has it. */
const UPDATES = { burst: 10, seconds: 60 } as const;
/** How often a node may change what it says of itself. */
const NODES = { burst: 10, seconds: 600 } as const;
/**
 * Announcements of channels that are not there, for each peer, or source of those that call. Honest nodes have some, of channels closed a moment ago; what a
 * peer announces beyond that is left alone until others announce it too.
 */
const ABSENT = { burst: 300, seconds: 10 } as const;
/** Channels whose conflicting announcements were noted. */
const MAX_CONFLICTS = 1000;

/** Whether a timestamp is too far ahead of a clock to be meant. */
export const isTooFarAhead = ({ timestamp }: { readonly timestamp: number }, now: number): boolean =>
  timestamp > now + MAX_AHEAD;

/** The channel_update is for the other end of the channel alone (message_flags, `dont_forward`). */
const isPrivate = ({ message_flags }: MessageOf<'channel_update'>): boolean => (message_flags & 2) !== 0;

export interface GossipParts {
  readonly graph: Graph;
  readonly saved: GraphStore;
  readonly chain: Chain;
  readonly chainHash: ChainHash;
  /** Ourselves. */
  readonly id: Point;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** The block up to which the graph has been told of the chain. */
  readonly height: () => number;
  /** Milliseconds between two rounds of passing on. */
  readonly interval: number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
}

export class Gossip {
  private readonly parts: GossipParts;
  private readonly relaying: GossipRelay;
  private readonly fundings: FundingLookups;
  private readonly early = new Map<string, Uint8Array>();
  private readonly updates = new Rates(UPDATES.burst, UPDATES.seconds);
  private readonly nodes = new Rates(NODES.burst, NODES.seconds);
  private readonly absent = new Rates(ABSENT.burst, ABSENT.seconds);
  private readonly conflicts = new Set<ShortChannelId>();

  constructor(parts: GossipParts) {
    this.parts = parts;
    this.relaying = new GossipRelay(parts);
    this.fundings = new FundingLookups(parts.chain, parts.height);
  }

  /** A peer is there; it is told what we make ourselves from now on. */
  connected(peer: GossipPeer): void {
    this.relaying.connected(peer);
  }

  /** A peer said since when it wants gossip. Resolves when it was told what we have of that time; the rest follows as it comes. */
  filter(peer: GossipPeer, message: MessageOf<'gossip_timestamp_filter'>): Promise<void> {
    return this.relaying.filter(peer, message);
  }

  /** The peer is gone. */
  forget(peer: Point): void {
    this.relaying.forget(peer);
  }

  /** Tells all peers once more what we made ourselves. */
  rebroadcast(raw: Uint8Array): void {
    this.relaying.sendToAll([raw]);
  }

  /**
   * Takes an announcement, from a peer or of our own; what is new is kept and passed on. `source` is where a peer comes from whose
   * node id may be made up for the occasion: it counts instead of that. Rejects for bugs only.
   */
  async handle(message: GossipMessage, raw: Uint8Array, from?: Point, source?: string): Promise<GossipResult> {
    if (raw.length > MAX_BYTES[message.name]) return 'ignored';
    switch (message.name) {
      case 'channel_announcement':
        return this.channel(message, raw, from, source);
      case 'channel_update':
        return this.update(message, raw, from);
      case 'node_announcement':
        return this.node(message, raw, from);
    }
  }

  private async channel(
    m: MessageOf<'channel_announcement'>,
    raw: Uint8Array,
    from: Point | undefined,
    source: string | undefined,
  ): Promise<GossipResult> {
    const { graph, saved, chainHash, log, now } = this.parts;
    if (!equal(m.chain_hash, chainHash)) return 'ignored';
    const known = graph.channel(m.short_channel_id);
    if (known !== undefined) return this.announcedAgain(known, m, raw);
    if (this.fundings.isTooYoung(m.short_channel_id)) return 'ignored';
    const sender = source ?? (from && nodeKey(from));
    if (sender !== undefined && this.isRateLimited(sender, m)) return 'ignored';
    if (!verifyChannelAnnouncement(m, raw)) return 'bad';
    const found = await this.fundings.find(m);
    if (typeof found === 'string') {
      if (sender !== undefined && found !== 'unknown') this.absent.count(sender, now());
      log.debug(
        { scid: scidText(m.short_channel_id), found },
        'ignoring an announced channel whose funding output is spent, missing or has too few confirmations',
      );
      return 'ignored';
    }
    if (graph.channel(m.short_channel_id) !== undefined) return 'known';
    const channel = announcedChannel(m, raw, found);
    graph.addChannel(channel);
    saved.channel(channel);
    for (const side of [0, 1]) {
      const key = earlyKey(m.short_channel_id, side);
      const update = this.early.get(key);
      this.early.delete(key);
      const again = update && decodeMessage(update);
      if (update !== undefined && again?.name === 'channel_update') await this.update(again, update, from);
    }
    return 'new';
  }

  /** Whether a channel was looked for in vain, or what this peer announces was too often. */
  private isRateLimited(sender: string, m: MessageOf<'channel_announcement'>): boolean {
    return this.fundings.isAbsent(m) || !this.absent.allows(sender, this.parts.now());
  }

  /** BOLT 7: one funding output announced for other nodes too shows that somebody's keys are known to others. */
  private announcedAgain(known: GraphChannel, m: MessageOf<'channel_announcement'>, raw: Uint8Array): GossipResult {
    const { log } = this.parts;
    if (equal(known.raw, raw)) return 'known';
    const before = decodeMessage(known.raw);
    if (before.name !== 'channel_announcement' || this.conflicts.has(known.scid)) return 'known';
    if (equal(before.node_id_1, m.node_id_1) && equal(before.node_id_2, m.node_id_2)) return 'known';
    const keys = [before.bitcoin_key_1, before.bitcoin_key_2];
    // Other keys than those of the funding output prove nothing, and cost whoever made them nothing.
    const sameOutput = [m.bitcoin_key_1, m.bitcoin_key_2].every((key) => keys.some((one) => equal(one, key)));
    if (!sameOutput) return 'ignored';
    if (!verifyChannelAnnouncement(m, raw)) return 'bad';
    if (this.conflicts.size >= MAX_CONFLICTS) this.conflicts.clear();
    this.conflicts.add(known.scid);
    log.warn(
      { scid: scidText(known.scid), nodes: known.nodes, others: [nodeKey(m.node_id_1), nodeKey(m.node_id_2)] },
      'two channel_announcements for one funding output name different nodes: keeping the first',
    );
    return 'ignored';
  }

  private async update(m: MessageOf<'channel_update'>, raw: Uint8Array, from?: Point): Promise<GossipResult> {
    const { graph, saved, chainHash, now } = this.parts;
    if (!equal(m.chain_hash, chainHash) || isTooFarAhead(m, now()) || isPrivate(m) || !isFresh(m, now()))
      return 'ignored';
    const side = sideOf(m);
    const channel = graph.channel(m.short_channel_id);
    const key = earlyKey(m.short_channel_id, side);
    if (channel === undefined) {
      this.keepEarly(key, raw);
      return 'ignored';
    }
    if ((channel.policies[side]?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (m.htlc_maximum_msat > channel.capacity * 1000n) return 'ignored';
    // BOLT 7: of a channel that is spent, only its end is still news.
    if (channel.spentAt !== undefined && (m.channel_flags & 2) === 0) return 'ignored';
    if (from !== undefined && !this.updates.allows(key, now())) return 'ignored';
    const signer = signerOf(channel, side);
    if (signer === undefined || !verifyChannelUpdate(m, raw, signer)) return 'bad';
    this.updates.count(key, now());
    graph.setPolicy(m.short_channel_id, side, policyOf(m, raw));
    saved.policy(m.short_channel_id, side, raw);
    this.relaying.update(channel, side, raw, m.timestamp, from);
    return 'new';
  }

  private async node(m: MessageOf<'node_announcement'>, raw: Uint8Array, from?: Point): Promise<GossipResult> {
    const { graph, saved, now } = this.parts;
    const id = nodeKey(m.node_id);
    if (!graph.hasChannel(id) || isTooFarAhead(m, now()) || !isFresh(m, now())) return 'ignored';
    if ((graph.node(id)?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (from !== undefined && !this.nodes.allows(id, now())) return 'ignored';
    if (!verifyNodeAnnouncement(m, raw)) return 'bad';
    this.nodes.count(id, now());
    const node = announcedNode(m, raw);
    graph.setNode(node);
    saved.node(id, raw);
    this.relaying.node(id, raw, m.timestamp, node.notRelayed, from);
    return 'new';
  }

  private keepEarly(key: string, raw: Uint8Array): void {
    this.early.delete(key);
    this.early.set(key, raw);
    if (this.early.size <= MAX_EARLY) return;
    const oldest = this.early.keys().next().value;
    if (oldest !== undefined) this.early.delete(oldest);
  }
}

const earlyKey = (scid: ShortChannelId, side: number): string => `${scid}/${side}`;

/** The node whose policy that of a side is, out of the announcement. */
const signerOf = (channel: GraphChannel, side: Side): Point | undefined => {
  const m = decodeMessage(channel.raw);
  return m.name === 'channel_announcement' ? [m.node_id_1, m.node_id_2][side] : undefined;
};
