/**
 * Announcing our own channels (BOLT 7): signatures exchanged with the peer once the funding is six blocks deep, then the
 * announcement, our channel_update and our node_announcement. The peer gets our channel_update from the start, since it
 * cannot forward or hint over a channel whose policy it does not know.
 */

import type { Address } from '../../wire/address.ts';
import { equal, hex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { sign, verify } from '../../wire/crypto.ts';
import { decodeMessage, type Message, type MessageOf } from '../../wire/message.ts';
import { warningData } from '../../wire/printable.ts';
import type { ChainHash, ChannelId, Point, SecretKey, ShortChannelId, Signature } from '../../wire/units.ts';
import { scidText } from '../../wire/units.ts';
import type { Log, Store } from '../ports/ports.ts';
import { policyOf, sideOf } from './announced.ts';
import { type Gossip, isTooFarAhead } from './gossip.ts';
import {
  type AnnouncedChannel,
  channelAnnouncementDigest,
  type OwnPolicy,
  ourSide,
  signedChannelAnnouncement,
  unsignedChannelUpdate,
  unsignedNodeAnnouncement,
  verifyChannelUpdate,
} from './gossipsignatures.ts';
import { type Graph, type NodeKey, nodeKey, type Policy } from './graph.ts';
import { OwnAnnouncements } from './ownannouncements.ts';
import { PeerPolicies } from './peerpolicies.ts';

/**
 * A first channel_update is said again: some nodes drop one that reaches them together with the signatures before it. So is one under an
 * alias: lnd is told of it before it has written the channel to its graph, keeps it under the alias, and then looks for it under the
 * short_channel_id, so that its invoices have no hint of the channel until the next connection.
 */
const REBROADCAST_MS = [1_000, 5_000] as const;

/** BOLT 7: confirmations before a channel may be announced. */
export const ANNOUNCE_DEPTH = 6;

/** One of our channels, with what announcing it needs. */
export interface OwnChannel {
  readonly key: string;
  readonly channelId: ChannelId;
  readonly peer: Point;
  /** The real one; for the wire. */
  readonly scid: ShortChannelId;
  /** What the peer is to call it when it hears our policy; undefined while there is no such name yet. */
  readonly peerScid: ShortChannelId | undefined;
  readonly fundingKeys: readonly [ours: Point, theirs: Point];
  /** Both sides agreed to announce the channel (`announce_channel`). */
  readonly announce: boolean;
  /** The peer is connected and has sent channel_reestablish: nothing about the channel may be sent before (BOLT 2). */
  readonly online: boolean;
  /** We sent `shutdown`: no announcement_signatures are sent any more (BOLT 7). */
  readonly closing: boolean;
  readonly depth: number;
  readonly policy: OwnPolicy;
  /** Signs with our funding key. */
  readonly sign: (digest: Uint8Array) => Signature;
}

export interface OwnChannelsParts {
  readonly key: SecretKey;
  readonly id: Point;
  readonly chainHash: ChainHash;
  readonly graph: Graph;
  readonly gossip: Gossip;
  readonly node: {
    readonly alias: string;
    readonly color: Uint8Array;
    readonly features: Uint8Array;
    readonly addresses: () => readonly Address[];
  };
  /** Sends to a peer, if it is connected. */
  readonly send: (peer: Point, message: Message) => void;
  /** Keeps changes; resolves when they are durable. */
  readonly keep: (changes: readonly Change[]) => Promise<void>;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
}

interface Signatures {
  readonly node: Signature;
  readonly bitcoin: Signature;
}

/** What a peer was sent on this connection, so that it is sent only once. */
interface Sent {
  /** The last channel_update, by channel. */
  readonly updates: Map<string, Uint8Array>;
  /** Channels, by key and short_channel_id, for which it was sent our announcement_signatures. */
  readonly halves: Set<string>;
}

export class OwnChannels {
  private readonly parts: OwnChannelsParts;
  private readonly announcements: OwnAnnouncements;
  /** The peers' announcement_signatures, until the announcement is complete. */
  private readonly theirs = new Map<string, Signatures>();
  /** announcement_signatures that arrived before the channel was ready here, by peer and channel_id. */
  private readonly early = new Map<string, MessageOf<'announcement_signatures'>>();
  private readonly sent = new Map<string, Sent>();
  private readonly peerPolicies: PeerPolicies;

  constructor(parts: OwnChannelsParts) {
    this.parts = parts;
    this.announcements = new OwnAnnouncements(parts);
    this.peerPolicies = new PeerPolicies(parts);
  }

  /** Loads our earlier announcements, and the policies that peers told. Throws StoreError. */
  async load(store: Pick<Store, 'entries'>): Promise<void> {
    await this.announcements.load(store);
    await this.peerPolicies.load(store);
  }

  /** The peer's own policy of a channel with us, from the peer itself or from gossip, under any of the channel's ids. */
  peerPolicy(scids: readonly (ShortChannelId | undefined)[], peer: Point): Policy | undefined {
    const side = ourSide(peer, this.parts.id);
    for (const scid of scids) {
      if (scid === undefined) continue;
      const policy = this.parts.graph.channel(scid)?.policies[side] ?? this.peerPolicies.get(peer, scid);
      if (policy !== undefined) return policy;
    }
    return undefined;
  }

  private announced(channel: OwnChannel): AnnouncedChannel {
    const { chainHash, id } = this.parts;
    return {
      chain: chainHash,
      scid: channel.scid,
      nodes: [id, channel.peer],
      fundingKeys: channel.fundingKeys,
    };
  }

  private sentTo(peer: Point): Sent {
    const sent = this.sent.get(nodeKey(peer)) ?? { updates: new Map(), halves: new Set() };
    this.sent.set(nodeKey(peer), sent);
    return sent;
  }

  /** The peer disconnected: after a reconnect everything is sent again. */
  disconnected(peer: Point): void {
    this.sent.delete(nodeKey(peer));
  }

  /** Called when the channel became usable or deeper, or its peer reconnected: sends the peer and the network what they lack. */
  async refresh(channel: OwnChannel): Promise<void> {
    const { graph } = this.parts;
    await this.tellPeer(channel);
    await this.takeEarly(channel);
    if (!channel.announce || channel.depth < ANNOUNCE_DEPTH) return;
    if (graph.channel(channel.scid) === undefined) {
      this.sendHalf(channel);
      await this.complete(channel);
    } else await this.announcePolicy(channel);
  }

  private async tellPeer(channel: OwnChannel): Promise<void> {
    if (channel.peerScid === undefined || !channel.online) return;
    const { raw, kept } = this.update(channel, channel.peerScid);
    const sent = this.sentTo(channel.peer);
    const { updates } = sent;
    if (updates.get(channel.key) === raw) return;
    const message = decodeMessage(raw);
    if (message.name !== 'channel_update') return;
    updates.set(channel.key, raw);
    await kept;
    const { send, later } = this.parts;
    send(channel.peer, message);
    if (channel.peerScid === channel.scid) return;
    for (const ms of REBROADCAST_MS)
      later(ms, () => {
        // Of another connection, or followed by a newer one, it is not.
        if (this.sent.get(nodeKey(channel.peer)) === sent && updates.get(channel.key) === raw)
          send(channel.peer, message);
      });
  }

  /** Sends our announcement_signatures, once for each connection. */
  private sendHalf(channel: OwnChannel): void {
    const { send, log, key } = this.parts;
    const { halves } = this.sentTo(channel.peer);
    const name = `${channel.key}/${channel.scid}`;
    if (channel.closing || !channel.online || halves.has(name)) return;
    halves.add(name);
    const digest = channelAnnouncementDigest(this.announced(channel));
    send(channel.peer, {
      name: 'announcement_signatures',
      channel_id: channel.channelId,
      short_channel_id: channel.scid,
      node_signature: sign(digest, key),
      bitcoin_signature: channel.sign(digest),
    });
    log.debug({ scid: scidText(channel.scid) }, 'sent announcement_signatures');
  }

  /** Keeps the peer's announcement_signatures for a channel that is not ready here, until `refresh` (BOLT 7). */
  keepSignatures(peer: Point, m: MessageOf<'announcement_signatures'>): void {
    this.early.set(`${nodeKey(peer)}/${hex(m.channel_id)}`, m);
  }

  private async takeEarly(channel: OwnChannel): Promise<void> {
    if (this.early.size === 0) return;
    const name = `${nodeKey(channel.peer)}/${hex(channel.channelId)}`;
    const early = this.early.get(name);
    this.early.delete(name);
    const wrong = early && (await this.signatures(channel, early));
    if (wrong !== undefined)
      this.parts.send(channel.peer, { name: 'warning', channel_id: channel.channelId, data: warningData(wrong) });
  }

  /** Handles the peer's announcement_signatures. Returns what is wrong with them, for a warning, or undefined. */
  async signatures(channel: OwnChannel, m: MessageOf<'announcement_signatures'>): Promise<string | undefined> {
    if (!channel.announce) return undefined;
    if (m.short_channel_id !== channel.scid)
      return `announcement_signatures: short_channel_id is ${scidText(m.short_channel_id)}, expected ${scidText(channel.scid)}`;
    const digest = channelAnnouncementDigest(this.announced(channel));
    const valid =
      verify(m.node_signature, digest, channel.peer) && verify(m.bitcoin_signature, digest, channel.fundingKeys[1]);
    if (!valid) return 'announcement_signatures: a signature is not valid for the channel announcement';
    this.theirs.set(channel.key, { node: m.node_signature, bitcoin: m.bitcoin_signature });
    if (channel.depth < ANNOUNCE_DEPTH) return undefined;
    // BOLT 7: a peer that sends its signatures gets ours, even if the announcement is complete: it may have lost them.
    this.sendHalf(channel);
    await this.complete(channel);
    return undefined;
  }

  private async complete(channel: OwnChannel): Promise<void> {
    const theirs = this.theirs.get(channel.key);
    if (theirs === undefined || channel.depth < ANNOUNCE_DEPTH || channel.closing) return;
    const { gossip, key, log } = this.parts;
    const announced = this.announced(channel);
    const digest = channelAnnouncementDigest(announced);
    const ours = { node: sign(digest, key), bitcoin: channel.sign(digest) };
    const raw = signedChannelAnnouncement(announced, ours, theirs);
    const message = decodeMessage(raw);
    if (message.name !== 'channel_announcement') return;
    const verdict = await gossip.handle(message, raw);
    // Known: the peer was first to announce it, and its announcement reached us as gossip.
    if (verdict !== 'new' && verdict !== 'known') return;
    this.theirs.delete(channel.key);
    if (verdict === 'new')
      log.info({ scid: scidText(channel.scid), peer: hex(channel.peer) }, 'channel announced to the network');
    await this.announcePolicy(channel);
  }

  /** Sends our channel_update and node_announcement of an announced channel to the network, where they are new or due again. */
  private async announcePolicy(channel: OwnChannel): Promise<void> {
    const { gossip, later, graph } = this.parts;
    const side = ourSide(this.parts.id, channel.peer);
    const first = graph.channel(channel.scid)?.policies[side] === undefined;
    const { raw, kept } = this.update(channel);
    await kept;
    // A broadcast goes to all peers, this one included.
    if (channel.peerScid === channel.scid && channel.online) this.sentTo(channel.peer).updates.set(channel.key, raw);
    await this.publish(raw, graph.rawPolicy(channel.scid, side));
    await this.announceNode();
    if (first) for (const ms of REBROADCAST_MS) later(ms, () => gossip.rebroadcast(raw));
  }

  /** Gives an announcement of ours to the network, unless it is the one that the network has already. */
  private async publish(raw: Uint8Array, known: Uint8Array | undefined): Promise<void> {
    if (known !== undefined && equal(known, raw)) return;
    const message = decodeMessage(raw);
    if (message.name === 'channel_update' || message.name === 'node_announcement')
      await this.parts.gossip.handle(message, raw);
  }

  /**
   * Our present channel_update. That of a channel that is never announced, or under an alias, is for the peer only (BOLT 7, `dont_forward`).
   * One of a channel that is still to be announced is not: lnd keeps it, passes it on with the announcement, and ignores for a day a second
   * one that differs in that flag alone.
   */
  private update(channel: OwnChannel, scid: ShortChannelId = channel.scid) {
    const { chainHash, id, graph } = this.parts;
    const side = ourSide(id, channel.peer);
    const dontForward = !channel.announce || scid !== channel.scid;
    const make = (at: number) =>
      unsignedChannelUpdate({ chain: chainHash, scid, side, dontForward }, channel.policy, at);
    return this.announcements.update(channel.key, scid, make, graph.rawPolicy(scid, side));
  }

  /** Our channel_update for a failure message, under the short_channel_id in the onion: another id would reveal too much (BOLT 4). */
  channelUpdateFor(channel: OwnChannel, scid: ShortChannelId): Uint8Array {
    return this.update(channel, scid).raw;
  }

  /** The previous policy of a channel, while payers may not know the new one yet. */
  previousPolicy(channel: string): OwnPolicy | undefined {
    return this.announcements.previousPolicy(channel);
  }

  /** Handles a channel_update from the peer about a channel with us, announced or not. */
  peerUpdate(m: MessageOf<'channel_update'>, raw: Uint8Array, peer: Point): void {
    const theirSide = ourSide(peer, this.parts.id);
    if (!equal(m.chain_hash, this.parts.chainHash) || isTooFarAhead(m, this.parts.now())) return;
    if (sideOf(m) !== theirSide || !verifyChannelUpdate(m, raw, peer)) return;
    // It may come before we know the short_channel_id, so any id is accepted.
    this.peerPolicies.set(peer, m.short_channel_id, policyOf(m, raw));
  }

  /** Broadcasts our node_announcement when it changed, or before other nodes prune it. */
  async announceNode(): Promise<void> {
    const { id, node, graph } = this.parts;
    if (!graph.hasChannel(nodeKey(id))) return;
    const make = (at: number) => unsignedNodeAnnouncement({ id, ...node, addresses: node.addresses() }, at);
    const { raw, kept } = this.announcements.announcement(make, graph.rawNode(nodeKey(id)));
    await kept;
    await this.publish(raw, graph.rawNode(nodeKey(id)));
  }

  /** Forgets a closed channel. */
  forget(channel: string): void {
    this.announcements.forget(channel);
    this.theirs.delete(channel);
  }

  /** Forgets what was loaded of peers that there is no channel with. */
  forgetPeersWithout(hasChannel: (peer: NodeKey) => boolean): void {
    this.peerPolicies.forgetWhere((peer) => !hasChannel(peer));
  }

  /** Forgets a peer without channels. */
  forgetPeer(peer: Point): void {
    this.peerPolicies.forget(peer);
    for (const name of this.early.keys()) if (name.startsWith(`${nodeKey(peer)}/`)) this.early.delete(name);
  }
}
