/** Methods about connections to other nodes, after Core Lightning's. */
import { z } from 'zod';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';

const peer = z.object({
  id: shown.nodeId,
  connected: shown.flag,
  num_channels: shown.u32,
  /** One entry, HOST:PORT, while connected. */
  netaddr: z.array(shown.text).optional(),
  remote_addr: shown.text.optional(),
  features: shown.hexText.optional(),
});

export const peerMethods = methods({
  connect: {
    doc: 'Connects to a node and keeps it as a peer.',
    params: z.strictObject({
      id: given.destination.describe('the node, or id@host:port in one'),
      host: given.host.optional().describe('its name or IP address, if not part of id'),
      port: given.port.optional().describe("its port, if not part of id; else the network's usual one"),
    }),
    result: z.object({
      id: shown.nodeId,
      features: shown.hexText,
      direction: z.enum(['in', 'out']),
      address: z.object({
        type: z.enum(['local socket', 'ipv4', 'ipv6', 'torv2', 'torv3']),
        socket: shown.text.optional(),
        address: shown.text.optional(),
        port: shown.u32.optional(),
      }),
    }),
  },
  disconnect: {
    doc: 'Ends the connection to a peer.',
    params: z.strictObject({
      id: given.nodeId.describe('the peer'),
      force: given.flag.default(false).describe('even if there is a channel with it'),
    }),
    result: z.object({}),
  },
  listpeers: {
    doc: 'Peers that are connected or have a channel with us.',
    params: z.strictObject({
      id: given.nodeId.optional().describe('only this peer'),
      level: given.refused.describe('log lines of a peer: see the log'),
    }),
    result: z.object({ peers: z.array(peer) }),
  },
});
