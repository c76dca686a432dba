/**
 * BOLT 7's announcements as signed bytes: what a signature covers, whether it holds, and how our own are made. Signatures
 * cover the message as it was sent, unknown fields included, so everything here works on raw bytes.
 */

import type { Address } from '../../wire/address.ts';
import { compare, concat, equal, utf8 } from '../../wire/bytes.ts';
import { isPoint, sign, verify } from '../../wire/crypto.ts';
import { encodeMessage, type MessageOf } from '../../wire/message.ts';
import { signedDigest } from '../../wire/signed.ts';
import type { ChainHash, Msat, Point, SecretKey, ShortChannelId, Signature } from '../../wire/units.ts';
import { signature } from '../../wire/units.ts';
import type { Side } from './graph.ts';

/** Whether the node ids stand in order, all four keys are points and all four signatures hold. */
export const verifyChannelAnnouncement = (m: MessageOf<'channel_announcement'>, raw: Uint8Array): boolean => {
  if (compare(m.node_id_1, m.node_id_2) >= 0) return false;
  if (![m.node_id_1, m.node_id_2, m.bitcoin_key_1, m.bitcoin_key_2].every(isPoint)) return false;
  const digest = signedDigest('channel_announcement', raw);
  return (
    verify(m.node_signature_1, digest, m.node_id_1) &&
    verify(m.node_signature_2, digest, m.node_id_2) &&
    verify(m.bitcoin_signature_1, digest, m.bitcoin_key_1) &&
    verify(m.bitcoin_signature_2, digest, m.bitcoin_key_2)
  );
};

/** Whether `node` signed this channel_update. */
export const verifyChannelUpdate = (m: MessageOf<'channel_update'>, raw: Uint8Array, node: Point): boolean =>
  verify(m.signature, signedDigest('channel_update', raw), node);

/** Whether the node it names signed this node_announcement. */
export const verifyNodeAnnouncement = (m: MessageOf<'node_announcement'>, raw: Uint8Array): boolean =>
  isPoint(m.node_id) && verify(m.signature, signedDigest('node_announcement', raw), m.node_id);

const unsigned: Signature = signature(new Uint8Array(64));

/** A channel as one of its ends knows it when both agree to announce it. */
export interface AnnouncedChannel {
  readonly chain: ChainHash;
  readonly scid: ShortChannelId;
  readonly nodes: readonly [ours: Point, theirs: Point];
  readonly fundingKeys: readonly [ours: Point, theirs: Point];
}

/** Our place in the order of node ids: 0 makes us node_id_1. */
export const ourSide = (ours: Point, theirs: Point): Side => (compare(ours, theirs) < 0 ? 0 : 1);

const channelAnnouncement = (
  { chain, scid, nodes, fundingKeys }: AnnouncedChannel,
  signatures: readonly { readonly node: Signature; readonly bitcoin: Signature }[],
): Uint8Array => {
  const side = ourSide(nodes[0], nodes[1]);
  const [first, second] = side === 0 ? [0, 1] : [1, 0];
  const sig = (i: number) => signatures[i] ?? { node: unsigned, bitcoin: unsigned };
  return encodeMessage({
    name: 'channel_announcement',
    node_signature_1: sig(first).node,
    node_signature_2: sig(second).node,
    bitcoin_signature_1: sig(first).bitcoin,
    bitcoin_signature_2: sig(second).bitcoin,
    features: new Uint8Array(0),
    chain_hash: chain,
    short_channel_id: scid,
    node_id_1: nodes[first === 0 ? 0 : 1],
    node_id_2: nodes[second === 0 ? 0 : 1],
    bitcoin_key_1: fundingKeys[first === 0 ? 0 : 1],
    bitcoin_key_2: fundingKeys[second === 0 ? 0 : 1],
  });
};

/** What our node key and our funding key sign in announcement_signatures. 32 bytes. */
export const channelAnnouncementDigest = (channel: AnnouncedChannel): Uint8Array =>
  signedDigest('channel_announcement', channelAnnouncement(channel, []));

/** The finished channel_announcement, from both sides' signatures. */
export const signedChannelAnnouncement = (
  channel: AnnouncedChannel,
  ours: { readonly node: Signature; readonly bitcoin: Signature },
  theirs: { readonly node: Signature; readonly bitcoin: Signature },
): Uint8Array => channelAnnouncement(channel, [ours, theirs]);

/** Offset of the signed part of a channel_update and a node_announcement. */
const SIGNED_FROM = 66;

/** A channel_update or node_announcement of ours with its signature. */
export const signAnnouncement = (
  name: 'channel_update' | 'node_announcement',
  raw: Uint8Array,
  key: SecretKey,
): Uint8Array => concat(raw.subarray(0, 2), sign(signedDigest(name, raw), key), raw.subarray(SIGNED_FROM));

/** Whether two channel_updates or node_announcements are the same but for the signature. */
export const hasSameContent = (a: Uint8Array, b: Uint8Array): boolean =>
  equal(a.subarray(SIGNED_FROM), b.subarray(SIGNED_FROM));

/** Our policy for forwarding over a channel. */
export interface OwnPolicy {
  readonly feeBase: Msat;
  readonly feeProportional: number;
  readonly cltvExpiryDelta: number;
  readonly htlcMinimum: Msat;
  readonly htlcMaximum: Msat;
  readonly disabled: boolean;
}

/** The channel of a channel_update. `dontForward` marks one that is for the peer only (message_flags bit 1). */
export interface UpdatedChannel {
  readonly chain: ChainHash;
  readonly scid: ShortChannelId;
  readonly side: Side;
  readonly dontForward: boolean;
}

/** Our channel_update, still to be signed. */
export const unsignedChannelUpdate = (channel: UpdatedChannel, policy: OwnPolicy, timestamp: number): Uint8Array =>
  encodeMessage({
    name: 'channel_update',
    signature: unsigned,
    chain_hash: channel.chain,
    short_channel_id: channel.scid,
    timestamp,
    message_flags: channel.dontForward ? 3 : 1,
    channel_flags: channel.side | (policy.disabled ? 2 : 0),
    cltv_expiry_delta: policy.cltvExpiryDelta,
    htlc_minimum_msat: policy.htlcMinimum,
    fee_base_msat: policy.feeBase,
    fee_proportional_millionths: policy.feeProportional,
    htlc_maximum_msat: policy.htlcMaximum,
  });

/** Our channel_update, signed. */
export const signedChannelUpdate = (
  key: SecretKey,
  channel: UpdatedChannel,
  policy: OwnPolicy,
  timestamp: number,
): Uint8Array => signAnnouncement('channel_update', unsignedChannelUpdate(channel, policy, timestamp), key);

/** An alias padded to its 32 bytes; longer ones are cut at a character. */
export const aliasBytes = (alias: string): Uint8Array => {
  const out = new Uint8Array(32);
  let at = 0;
  for (const character of alias) {
    const bytes = utf8(character);
    if (at + bytes.length > out.length) break;
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
};

/** The contents of our node_announcement. */
export interface OwnNode {
  readonly id: Point;
  readonly alias: string;
  readonly color: Uint8Array;
  readonly features: Uint8Array;
  /** In the order of their types (BOLT 7). */
  readonly addresses: readonly Address[];
}

/** Our node_announcement, still to be signed. */
export const unsignedNodeAnnouncement = (node: OwnNode, timestamp: number): Uint8Array =>
  encodeMessage({
    name: 'node_announcement',
    signature: unsigned,
    features: node.features,
    timestamp,
    node_id: node.id,
    rgb_color: node.color,
    alias: aliasBytes(node.alias),
    addresses: node.addresses,
  });

/** Our node_announcement, signed. */
export const signedNodeAnnouncement = (key: SecretKey, node: OwnNode, timestamp: number): Uint8Array =>
  signAnnouncement('node_announcement', unsignedNodeAnnouncement(node, timestamp), key);
