/** `listpeers`: who is connected or has a channel with us. */

import { z } from 'zod';
import { hex, unhex } from '../../../../wire/bytes.ts';
import { point } from '../../../../wire/units.ts';
import { addressText } from '../../../base/address.ts';
import { coreOf } from '../../../channels/entry.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const peer = z.object({
  id: field.nodeId,
  connected: field.flag,
  num_channels: field.u32,
  /** One entry, HOST:PORT, while connected. */
  netaddr: z.array(field.text).optional(),
  remote_addr: field.text.optional(),
  features: field.hexText.optional(),
});

const params = z.strictObject({
  id: param.nodeId.optional().describe('only this peer'),
  level: param.refused.describe('log lines of a peer: see the log'),
});

const result = z.object({ peers: z.array(peer) });

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'peers'>;

export const listpeers = method({
  doc: 'Peers that are connected or have a channel with us.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
  params,
  result,
  handler: async (node: Parts, { id }) => {
    const keys = new Set<string>();
    for (const peer of node.peers.all) keys.add(peer.key);
    for (const entry of node.channels.entries.values()) keys.add(entry.peer);
    return {
      peers: [...keys]
        .filter((key) => id === undefined || key === hex(id))
        .map((key) => {
          const peerId = point(unhex(key));
          const peer = node.peers.get(peerId);
          const channels = node.channels
            .channelsWith(peerId)
            .filter(({ machine }) => coreOf(machine.state) !== undefined);
          return {
            id: key,
            connected: peer !== undefined,
            num_channels: channels.length,
            ...(peer && { netaddr: [addressText(peer.remote)], features: hex(peer.theirFeatures) }),
          };
        }),
    };
  },
});
