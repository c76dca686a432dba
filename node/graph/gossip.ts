/**
 * Receives gossip (BOLT 7): every announcement is verified (signatures, and the funding output on the chain), stored, and passed on to
 * the peers that asked for gossip. Updates that come before their channel's announcement are kept for it, up to a limit. Work that costs us
 * more than its sender is rate-limited for each peer.
 */

import { equal, unhex } from '../../wire/bytes.ts';
import { decodeMessage, type MessageOf } from '../../wire/message.ts';
import { type ChainHash, type Point, point, type ShortChannelId, scidText } from '../../wire/units.ts';
import { Rates } from '../base/rates.ts';
import type { Chain, Log } from '../ports/ports.ts';
import { announcedChannel, announcedNode, policyOf, sideOf } from './announced.ts';
import { type Checked, FundingLookups } from './fundinglookups.ts';
import { type GossipPeer, GossipRelay } from './gossiprelay.ts';
import { verifyChannelAnnouncement, verifyChannelUpdate, verifyNodeAnnouncement } from './gossipsignatures.ts';
import { type Graph, type GraphChannel, isFresh, nodeKey } from './graph.ts';
import { checkTogether, type ReceivedAnnouncement } from './signaturebatch.ts';
import type { SignatureChecks } from './signaturechecks.ts';
import { YoungGossip } from './younggossip.ts';

export type GossipMessage =
  | MessageOf<'channel_announcement'>
  | MessageOf<'channel_update'>
  | MessageOf<'node_announcement'>;
/** `bad`: the message breaks BOLT 7; its sender gets a warning and is disconnected. */
export type GossipResult = 'new' | 'known' | 'ignored' | 'bad';

/** Most updates, from all peers together, that are kept for channels not announced yet. */
const MAX_EARLY = 1000;
/** Seconds by which a timestamp may lie ahead of our clock. */
const MAX_AHEAD = 24 * 3600;
/** Longest message of each kind that is stored, in bytes: a usual one, with room for addresses and future fields. */
const MAX_BYTES = { channel_announcement: 1_500, channel_update: 420, node_announcement: 2_400 } as const;
/** Rate limit for the policy changes of one end of a channel, as in lnd. */
const UPDATES = { burst: 10, seconds: 60 } as const;
/** Rate limit for the node_announcements of one node. */
const NODES = { burst: 10, seconds: 600 } as const;
/**
 * Rate limit for announcements of missing channels, for each peer, or for each source of inbound connections. Honest nodes send some, of
 * channels that were just closed; beyond the limit a channel is ignored until another peer announces it too.
 */
const ABSENT = { burst: 300, seconds: 10 } as const;
/**
 * Most channels of the graph, five times those of today's network: they bound its memory. Beyond it a new channel is not
 * added, unless it is our own.
 */
export const MOST_CHANNELS = 250_000;
/** Most channels remembered for which conflicting announcements were logged. */
const MAX_CONFLICTS = 1000;

/** Whether a timestamp is too far in the future to be accepted. */
export const isTooFarAhead = ({ timestamp }: { readonly timestamp: number }, now: number): boolean =>
  timestamp > now + MAX_AHEAD;

/** The channel_update is for the other end of the channel alone (message_flags, `dont_forward`). */
const isPrivate = ({ message_flags }: MessageOf<'channel_update'>): boolean => (message_flags & 2) !== 0;

export interface GossipParts {
  readonly graph: Graph;
  readonly chain: Chain;
  readonly chainHash: ChainHash;
  /** Ourselves. */
  readonly id: Point;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** Height of the last block that the graph has applied. */
  readonly height: () => number;
  /** Milliseconds between two rounds of relaying gossip. */
  readonly interval: number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
  /** Checks many signatures on another thread; without it each is checked when its announcement is handled. */
  readonly checks?: SignatureChecks;
  /** Told of an update, and its timestamp, of a channel that is not known here. */
  readonly onUnknownChannel?: (from: Point, scid: ShortChannelId, timestamp: number) => void;
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
  private readonly young = new YoungGossip();

  constructor(parts: GossipParts) {
    this.parts = parts;
    this.relaying = new GossipRelay(parts);
    this.fundings = new FundingLookups(parts.chain, parts.height);
  }

  /** Adds a connected peer: from now on it gets our own announcements. */
  connected(peer: GossipPeer): void {
    this.relaying.connected(peer);
  }

  /** Handles a peer's gossip_timestamp_filter. Resolves when it was sent the gossip we have for it; new gossip follows as it comes. */
  filter(peer: GossipPeer, message: MessageOf<'gossip_timestamp_filter'>): Promise<void> {
    return this.relaying.filter(peer, message);
  }

  /** Removes a disconnected peer. */
  forget(peer: Point): void {
    this.relaying.forget(peer);
  }

  /** Sends our own announcements to all peers again. */
  rebroadcast(raw: Uint8Array): void {
    this.relaying.sendToAll([raw]);
  }

  /** Whether a channel has too few confirmations to be believed, or names a block that does not exist yet. */
  isTooYoung(scid: ShortChannelId): boolean {
    return this.fundings.isTooYoung(scid);
  }

  /** A block came: handles the announcements that were too young before it. Rejects for bugs only. */
  async block(): Promise<void> {
    const channels = this.young.take((scid) => this.fundings.isTooYoung(scid));
    for (const { message, raw, from, source } of channels) await this.handle(message, raw, from, source);
    for (const { message, raw, from, source } of this.young.handled(channels))
      await this.handle(message, raw, from, source);
  }

  /**
   * Checks the signatures of a peer's announcements together, on another thread where there is one, and looks up the fundings of their
   * channels ahead. What it finds is for `handle`, which does itself what is missing; `source` is as there. Rejects for bugs only.
   */
  async check(
    batch: readonly ReceivedAnnouncement[],
    from: Point,
    source?: string,
  ): Promise<readonly (Checked | undefined)[]> {
    const { graph, checks, now } = this.parts;
    if (checks === undefined) return [];
    const isNew = (m: MessageOf<'channel_announcement'>): boolean =>
      graph.compact.channelNumber(m.short_channel_id) === undefined &&
      !this.fundings.isTooYoung(m.short_channel_id) &&
      !this.isRateLimited(source ?? nodeKey(from), m);
    const verdicts = await checkTogether({ graph, checks }, batch, (m) => {
      switch (m.name) {
        case 'channel_announcement':
          return isNew(m);
        case 'channel_update':
          return (
            m.timestamp > graph.policyTimestamp(m.short_channel_id, sideOf(m)) &&
            this.updates.allows(earlyKey(m.short_channel_id, sideOf(m)), now())
          );
        case 'node_announcement': {
          const id = nodeKey(m.node_id);
          return m.timestamp > (graph.node(id)?.timestamp ?? -1) && this.nodes.allows(id, now());
        }
      }
    });
    return this.fundings.ahead(batch, verdicts, isNew);
  }

  /**
   * Handles an announcement, from a peer or of our own; a new one is stored and passed on. Rate limits count by `source`, where given,
   * for inbound peers: they can make up any number of node ids. `verdict` is what `check` found. Rejects for bugs only.
   */
  async handle(
    message: GossipMessage,
    raw: Uint8Array,
    from?: Point,
    source?: string,
    verdict?: Checked,
  ): Promise<GossipResult> {
    if (raw.length > MAX_BYTES[message.name]) return 'ignored';
    switch (message.name) {
      case 'channel_announcement':
        return this.channel(message, raw, from, source, verdict);
      case 'channel_update':
        return this.update(message, raw, from, verdict);
      case 'node_announcement':
        return this.node(message, raw, from, verdict);
    }
  }

  private async channel(
    m: MessageOf<'channel_announcement'>,
    raw: Uint8Array,
    from: Point | undefined,
    source: string | undefined,
    verdict: Checked | undefined,
  ): Promise<GossipResult> {
    const { graph, chainHash, log, now } = this.parts;
    if (!equal(m.chain_hash, chainHash)) return 'ignored';
    const known = graph.channel(m.short_channel_id);
    if (known !== undefined) return this.announcedAgain(known, m, raw);
    if (this.fundings.isTooYoung(m.short_channel_id)) {
      this.young.keepChannel({ message: m, raw, from, source }, this.parts.height());
      return 'ignored';
    }
    if (from !== undefined && graph.size.channels >= MOST_CHANNELS) return 'ignored';
    const sender = source ?? (from && nodeKey(from));
    if (sender !== undefined && this.isRateLimited(sender, m)) return 'ignored';
    if (!(verdict?.isValid ?? verifyChannelAnnouncement(m, raw))) return 'bad';
    const ahead = await verdict?.funding;
    // What was found before the last block may be spent by it.
    const isCurrent = ahead !== undefined && ahead.height === this.parts.height();
    const { found } = isCurrent ? ahead : await this.fundings.find(m);
    if (typeof found === 'string') {
      if (sender !== undefined && found !== 'unknown') this.absent.count(sender, now());
      log.debug(
        { scid: scidText(m.short_channel_id), found },
        'ignoring an announced channel whose funding output is spent, missing or has too few confirmations',
      );
      return 'ignored';
    }
    if (graph.channel(m.short_channel_id) !== undefined) return 'known';
    graph.addChannel(announcedChannel(m, found), raw);
    for (const side of [0, 1]) {
      const key = earlyKey(m.short_channel_id, side);
      const update = this.early.get(key);
      this.early.delete(key);
      const again = update && decodeMessage(update);
      if (update !== undefined && again?.name === 'channel_update') await this.update(again, update, from);
    }
    return 'new';
  }

  /** Whether a channel is known to be missing, or this peer announced too many missing ones. */
  private isRateLimited(sender: string, m: MessageOf<'channel_announcement'>): boolean {
    return this.fundings.isAbsent(m) || !this.absent.allows(sender, this.parts.now());
  }

  /** BOLT 7: two announcements of one funding output with different node ids show that somebody's keys were leaked. */
  private announcedAgain(known: GraphChannel, m: MessageOf<'channel_announcement'>, raw: Uint8Array): GossipResult {
    const { graph, log } = this.parts;
    const first = graph.rawChannel(known.scid);
    if (first === undefined || equal(first, raw)) return 'known';
    const before = decodeMessage(first);
    if (before.name !== 'channel_announcement' || this.conflicts.has(known.scid)) return 'known';
    if (equal(before.node_id_1, m.node_id_1) && equal(before.node_id_2, m.node_id_2)) return 'known';
    const keys = [before.bitcoin_key_1, before.bitcoin_key_2];
    // Without the keys of the funding output an announcement proves nothing: anybody can make one.
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

  private async update(
    m: MessageOf<'channel_update'>,
    raw: Uint8Array,
    from?: Point,
    verdict?: Checked,
  ): Promise<GossipResult> {
    const { graph, chainHash, now } = this.parts;
    if (!equal(m.chain_hash, chainHash) || isTooFarAhead(m, now()) || isPrivate(m) || !isFresh(m, now()))
      return 'ignored';
    const side = sideOf(m);
    const channel = graph.channel(m.short_channel_id);
    const key = earlyKey(m.short_channel_id, side);
    if (channel === undefined) {
      this.keepEarly(key, raw);
      if (from !== undefined) this.parts.onUnknownChannel?.(from, m.short_channel_id, m.timestamp);
      return 'ignored';
    }
    if ((channel.policies[side]?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (m.htlc_maximum_msat > channel.capacity * 1000n) return 'ignored';
    // BOLT 7: updates of a channel whose funding is spent are ignored.
    if (channel.spentAt !== undefined && (m.channel_flags & 2) === 0) return 'ignored';
    if (from !== undefined && !this.updates.allows(key, now())) return 'ignored';
    const signer = channel.nodes[side];
    // The verdict is of the signer that was known when it was asked for.
    const isValid = verdict?.signer === signer ? verdict.isValid : verifyChannelUpdate(m, raw, point(unhex(signer)));
    if (!isValid) return 'bad';
    this.updates.count(key, now());
    graph.setPolicy(m.short_channel_id, side, policyOf(m, raw), raw);
    this.relaying.update(channel, side, raw, m.timestamp, from);
    return 'new';
  }

  private async node(
    m: MessageOf<'node_announcement'>,
    raw: Uint8Array,
    from?: Point,
    verdict?: Checked,
  ): Promise<GossipResult> {
    const { graph, now } = this.parts;
    const id = nodeKey(m.node_id);
    if (isTooFarAhead(m, now()) || !isFresh(m, now())) return 'ignored';
    if (!graph.hasChannel(id)) {
      this.young.keepNode({ message: m, raw, from, source: undefined });
      return 'ignored';
    }
    if ((graph.node(id)?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (from !== undefined && !this.nodes.allows(id, now())) return 'ignored';
    if (!(verdict?.isValid ?? verifyNodeAnnouncement(m, raw))) return 'bad';
    this.nodes.count(id, now());
    const node = announcedNode(m);
    graph.setNode(node, raw);
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
