/** What the graph keeps of announcements (BOLT 7), read from the messages. */
import { channelUpdateChecksum } from '../../wire/checksum.ts';
import { unknownRequiredBit } from '../../wire/features.ts';
import { decodeMessage, type MessageOf } from '../../wire/message.ts';
import { printableText } from '../../wire/printable.ts';
import type { Point } from '../../wire/units.ts';
import { hostOf } from '../peer/descriptors.ts';
import type { Address } from '../ports/ports.ts';
import { type Graph, type GraphChannel, type GraphNode, nodeKey, type Policy, type Side } from './graph.ts';
import type { FoundFunding } from './rawmessages.ts';

/** What the graph keeps of an announced channel. */
export const announcedChannel = (m: MessageOf<'channel_announcement'>, found: FoundFunding): GraphChannel => ({
  scid: m.short_channel_id,
  nodes: [nodeKey(m.node_id_1), nodeKey(m.node_id_2)],
  capacity: found.capacity,
  funding: found.funding,
  unknownFeature: unknownRequiredBit(m.features),
  policies: [undefined, undefined],
});

/** An alias without its padding, printable; bytes that are not UTF-8 become U+FFFD. */
const aliasText = (alias: Uint8Array): string => {
  const end = alias.indexOf(0);
  return printableText(end < 0 ? alias : alias.subarray(0, end));
};

/** Address descriptors of type 5, hostnames, of which a node may announce one. */
const HOSTNAME = 5;

/** What the graph keeps of an announced node. */
export const announcedNode = (m: MessageOf<'node_announcement'>): GraphNode => ({
  id: nodeKey(m.node_id),
  timestamp: m.timestamp,
  alias: aliasText(m.alias),
  // A copy: a part of the message would keep all of it in memory.
  features: m.features.slice(),
  unknownFeature: unknownRequiredBit(m.features),
  notRelayed:
    m.addresses.filter((one) => one.type === 'dns' || (one.type === 'unknown' && one.id === HOSTNAME)).length > 1,
});

/** The policy a channel_update states. */
export const policyOf = (update: MessageOf<'channel_update'>, raw: Uint8Array): Policy => ({
  timestamp: update.timestamp,
  cltvExpiryDelta: update.cltv_expiry_delta,
  htlcMinimum: update.htlc_minimum_msat,
  htlcMaximum: update.htlc_maximum_msat,
  feeBase: update.fee_base_msat,
  feeProportional: update.fee_proportional_millionths,
  disabled: (update.channel_flags & 2) !== 0,
  checksum: channelUpdateChecksum(raw),
});

export const sideOf = (update: Pick<MessageOf<'channel_update'>, 'channel_flags'>): Side =>
  (update.channel_flags & 1) === 0 ? 0 : 1;

/** Most addresses of a node that are dialled and remembered: it may announce thousands that do not work. */
export const MAX_ADDRESSES = 12;

/**
 * The announced addresses of a node that can be dialled from here: none of a node that requires features this node does not know, none
 * without a port, the first of several hostnames, and a limited number.
 */
export const announcedAddresses = (graph: Graph, peer: Point): readonly Address[] => {
  const node = graph.node(nodeKey(peer));
  const raw = graph.rawNode(nodeKey(peer));
  if (raw === undefined || node?.unknownFeature !== undefined) return [];
  const announcement = decodeMessage(raw);
  if (announcement.name !== 'node_announcement') return [];
  let named = false;
  const found = announcement.addresses.flatMap((address) => {
    const host = hostOf(address);
    if (host === undefined || address.type === 'unknown' || address.port === 0) return [];
    if (address.type === 'dns' && named) return [];
    named ||= address.type === 'dns';
    return [{ host, port: address.port }];
  });
  return found.slice(0, MAX_ADDRESSES);
};
