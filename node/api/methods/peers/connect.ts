/** `connect`: a connection to a node. */

import { z } from 'zod';
import { equal, hex } from '../../../../wire/bytes.ts';
import type { Point } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import type { Peer } from '../../../peer/peer.ts';
import { ConnectError } from '../../../peer/peers.ts';
import type { Address } from '../../../ports/ports.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  id: param.destination.describe('the node, or id@host:port in one'),
  host: param.host.optional().describe('its name or IP address, if not part of id'),
  port: param.port.optional().describe("its port, if not part of id; else the network's usual one"),
});

const result = z.object({
  id: field.nodeId,
  features: field.hexText,
  direction: z.enum(['in', 'out']),
  address: z.object({
    type: z.enum(['local socket', 'ipv4', 'ipv6', 'torv2', 'torv3']),
    socket: field.text.optional(),
    address: field.text.optional(),
    port: field.u32.optional(),
  }),
});

const ipKind = ({ host }: Address) => (host.includes(':') ? ('ipv6' as const) : ('ipv4' as const));

const connected = (peer: Peer, { host, port }: Address) => ({
  id: peer.key,
  features: hex(peer.theirFeatures),
  direction: peer.direction,
  address: { type: ipKind({ host, port }), address: host, port },
});

/** What it needs of a node. */
type Parts = Pick<Node, 'addresses' | 'keys' | 'network' | 'peers'>;

/** Connects to the first address that answers. Throws ApiError `connect_no_address` or `connect_failed`. */
export const connectTo = async (node: Parts, id: Point, addresses: readonly Address[]): Promise<Peer> => {
  const existing = node.peers.get(id);
  if (existing !== undefined) return existing;
  if (addresses.length === 0)
    throw new ApiError('connect_no_address', `no address of ${hex(id)} is known: give one as id@host:port`);
  const failures: string[] = [];
  for (const address of addresses) {
    try {
      const peer = await node.peers.connect(id, address);
      await node.addresses.reached(id, address);
      return peer;
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      failures.push(error.message);
    }
  }
  throw new ApiError('connect_failed', failures.join('; '));
};

export const connect = method({
  doc: 'Connects to a node and keeps it as a peer.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', '127.0.0.1', '9735'],
  params,
  result,
  handler: async (node: Parts, { id: { id, host: inId, port: portInId }, host, port }) => {
    if (equal(id, node.keys.nodeId)) throw new ApiError('connect_failed', 'that is this node itself');
    const given = inId ?? host;
    const at = given === undefined ? undefined : { host: given, port: portInId ?? port ?? node.network.peerPort };
    const existing = node.peers.get(id);
    const peer = existing ?? (await connectTo(node, id, at === undefined ? node.addresses.of(id) : [at]));
    // Whoever is connected already may be so by another address than the one that was given.
    return connected(peer, existing === undefined ? (at ?? peer.remote) : peer.remote);
  },
});
