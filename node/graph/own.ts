/**
 * Announcing our own channels (BOLT 7): signatures exchanged with the peer once the funding is six blocks deep, then the
 * announcement, our channel_update and our node_announcement. The peer gets our channel_update from the start, since it
 * cannot forward or hint over a channel whose policy it does not know.
 */

import type { Address } from '../../wire/address.ts';
import { equal, hex } from '../../wire/bytes.ts';
import { sign, verify } from '../../wire/crypto.ts';
import { decodeMessage, type Message, type MessageOf } from '../../wire/message.ts';
import type { ChainHash, ChannelId, Point, SecretKey, ShortChannelId, Signature } from '../../wire/units.ts';
import { scidText } from '../../wire/units.ts';
import type { Log } from '../ports.ts';
import {
  type AnnouncedChannel,
  channelDigest,
  holdsChannelUpdate,
  type OwnPolicy,
  ourSide,
  signedChannelAnnouncement,
  signedChannelUpdate,
  signedNodeAnnouncement,
} from './announce.ts';
import type { Gossip } from './gossip.ts';
import { type Graph, nodeKey, type Policy, policyOf, sideOf } from './graph.ts';

/** Policies kept of what one peer tells of channels with us. */
const MAX_TOLD = 256;

/** A first channel_update is said again: some nodes drop one that reaches them together with the signatures before it. */
const AGAIN_MS = [1_000, 5_000] as const;

/** BOLT 7: confirmations before a channel may be announced. */
export const ANNOUNCE_DEPTH = 6;

/** One of our channels, as far as announcing it goes. */
export interface OwnChannel {
  readonly key: string;
  readonly channelId: ChannelId;
  readonly peer: Point;
  /** The real one; for the wire. */
  readonly scid: ShortChannelId;
  /** What the peer is to call it when it hears our policy; undefined while there is no such name yet. */
  readonly known: ShortChannelId | undefined;
  readonly fundingKeys: readonly [ours: Point, theirs: Point];
  /** Both sides agreed on announcing it. */
  readonly announce: boolean;
  readonly depth: number;
  readonly policy: OwnPolicy;
  /** Signs with our funding key. */
  readonly sign: (digest: Uint8Array) => Signature;
}

export interface OwnParts {
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

export class OwnChannels {
  private readonly parts: OwnParts;
  /** The peer's halves of announcements, until both are there. */
  private readonly theirs = new Map<string, Signatures>();
  /** Our last channel_update of each channel, under each id that it was asked for by. */
  private readonly updates = new Map<string, Uint8Array>();
  /** What the peer asks for forwarding to us: announced or not, it is what invoices hint at. */
  private readonly peerPolicies = new Map<string, Map<ShortChannelId, Policy>>();

  constructor(parts: OwnParts) {
    this.parts = parts;
  }

  /** The peer's own policy of a channel with us, as told to us directly or by gossip, under any of the channel's ids. */
  peerPolicy(scids: readonly (ShortChannelId | undefined)[], peer: Point): Policy | undefined {
    const side = ourSide(peer, this.parts.id);
    const told = this.peerPolicies.get(nodeKey(peer));
    for (const scid of scids) {
      if (scid === undefined) continue;
      const policy = this.parts.graph.channel(scid)?.policies[side] ?? told?.get(scid);
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

  /** The channel became usable, deeper, or its peer is back: tells the peer what it does not have yet. */
  async refresh(channel: OwnChannel): Promise<void> {
    const { graph, send, log, key } = this.parts;
    const told = channel.known === undefined ? undefined : decodeMessage(this.update(channel, channel.known));
    if (told?.name === 'channel_update') send(channel.peer, told);
    if (!channel.announce || channel.depth < ANNOUNCE_DEPTH) return;
    if (graph.channel(channel.scid) !== undefined) return;
    const digest = channelDigest(this.announced(channel));
    send(channel.peer, {
      name: 'announcement_signatures',
      channel_id: channel.channelId,
      short_channel_id: channel.scid,
      node_signature: sign(digest, key),
      bitcoin_signature: channel.sign(digest),
    });
    log.debug({ scid: scidText(channel.scid) }, 'sent our half of the channel announcement');
    await this.complete(channel);
  }

  /** The peer's half arrived. Returns what is wrong with it, for a warning, or undefined. */
  async signatures(channel: OwnChannel, m: MessageOf<'announcement_signatures'>): Promise<string | undefined> {
    if (!channel.announce) return undefined;
    if (m.short_channel_id !== channel.scid)
      return `announcement_signatures: short_channel_id is ${scidText(m.short_channel_id)}, expected ${scidText(channel.scid)}`;
    const digest = channelDigest(this.announced(channel));
    const valid =
      verify(m.node_signature, digest, channel.peer) && verify(m.bitcoin_signature, digest, channel.fundingKeys[1]);
    if (!valid) return 'announcement_signatures: a signature does not fit the channel announcement';
    this.theirs.set(channel.key, { node: m.node_signature, bitcoin: m.bitcoin_signature });
    // BOLT 7: a peer that lost its half, or never had ours, gets ours again; refresh() sends it while it is of use.
    if (this.parts.graph.channel(channel.scid) === undefined) await this.complete(channel);
    return undefined;
  }

  private async complete(channel: OwnChannel): Promise<void> {
    const theirs = this.theirs.get(channel.key);
    if (theirs === undefined || channel.depth < ANNOUNCE_DEPTH) return;
    const { gossip, key, log, later } = this.parts;
    const announced = this.announced(channel);
    const digest = channelDigest(announced);
    const ours = { node: sign(digest, key), bitcoin: channel.sign(digest) };
    const raw = signedChannelAnnouncement(announced, ours, theirs);
    const message = decodeMessage(raw);
    if (message.name !== 'channel_announcement') return;
    const verdict = await gossip.take(message, raw);
    if (verdict !== 'new') return;
    this.theirs.delete(channel.key);
    log.info({ scid: scidText(channel.scid), peer: hex(channel.peer) }, 'channel announced to the network');
    const update = this.update(channel);
    await this.publish(update);
    await this.announceNode();
    for (const ms of AGAIN_MS) later(ms, () => gossip.relay(update));
  }

  private async publish(raw: Uint8Array): Promise<void> {
    const message = decodeMessage(raw);
    if (message.name === 'channel_update' || message.name === 'node_announcement')
      await this.parts.gossip.take(message, raw);
  }

  /** Our channel_update as it stands; signed anew only when the policy or the channel's visibility changed. */
  private update(channel: OwnChannel, scid: ShortChannelId = channel.scid): Uint8Array {
    const { key, chainHash, id, now, graph } = this.parts;
    const side = ourSide(id, channel.peer);
    const name = `${channel.key}/${scid}`;
    const last = this.updates.get(name) ?? graph.channel(scid)?.policies[side]?.raw;
    const timestampOfLast = last === undefined ? 0 : timestamp(last);
    const make = (at: number) =>
      signedChannelUpdate(
        key,
        { chain: chainHash, scid, side, dontForward: !channel.announce || scid !== channel.scid },
        channel.policy,
        at,
      );
    if (last !== undefined && equal(make(timestampOfLast), last)) {
      this.updates.set(name, last);
      return last;
    }
    const raw = make(Math.max(now(), timestampOfLast + 1));
    this.updates.set(name, raw);
    return raw;
  }

  /** Our channel_update under the id that an onion used, for failures that carry it: another id would tell too much (BOLT 4). */
  updateNamed(channel: OwnChannel, scid: ShortChannelId): Uint8Array {
    return this.updates.get(`${channel.key}/${scid}`) ?? this.update(channel, scid);
  }

  /** A channel_update from the peer about a channel with us, announced or not. */
  noteUpdate(m: MessageOf<'channel_update'>, raw: Uint8Array, peer: Point): void {
    const theirSide = ourSide(peer, this.parts.id);
    if (sideOf(m) !== theirSide || !holdsChannelUpdate(m, raw, peer)) return;
    const told = this.peerPolicies.get(nodeKey(peer)) ?? new Map<ShortChannelId, Policy>();
    const known = told.get(m.short_channel_id);
    if ((known?.timestamp ?? -1) >= m.timestamp) return;
    // It may come before the channel has its short_channel_id here, so what is kept of a peer is bounded by count alone.
    told.delete(m.short_channel_id);
    told.set(m.short_channel_id, policyOf(m, raw));
    const [oldest] = told.keys();
    if (told.size > MAX_TOLD && oldest !== undefined) told.delete(oldest);
    this.peerPolicies.set(nodeKey(peer), told);
  }

  /** Signs and spreads our node_announcement when it would say something new. */
  async announceNode(): Promise<void> {
    const { key, id, node, now, graph } = this.parts;
    if (!graph.hasChannel(nodeKey(id))) return;
    const last = graph.node(nodeKey(id));
    const make = (at: number) => signedNodeAnnouncement(key, { id, ...node, addresses: node.addresses() }, at);
    if (last !== undefined && equal(make(last.timestamp), last.raw)) return;
    await this.publish(make(Math.max(now(), (last?.timestamp ?? 0) + 1)));
  }

  /** No channel with this peer is left. */
  forgetPeer(peer: Point): void {
    this.peerPolicies.delete(nodeKey(peer));
  }
}

const timestamp = (raw: Uint8Array): number => {
  const m = decodeMessage(raw);
  return m.name === 'channel_update' ? m.timestamp : 0;
};
