/** Methods about connections. */

import { equal, hex, unhex } from '../../../wire/bytes.ts';
import { type Point, point } from '../../../wire/units.ts';
import { addressText } from '../../base/address.ts';
import { coreOf } from '../../channels/entry.ts';
import type { Node } from '../../core/node.ts';
import type { Peer } from '../../peer/peer.ts';
import { ConnectError } from '../../peer/peers.ts';
import type { Address } from '../../ports/ports.ts';
import { ApiError } from '../errors.ts';
import type { Handlers } from '../table.ts';

const kindOf = ({ host }: Address) => (host.includes(':') ? ('ipv6' as const) : ('ipv4' as const));

const connected = (peer: Peer, { host, port }: Address) => ({
  id: peer.key,
  features: hex(peer.theirFeatures),
  direction: peer.direction,
  address: { type: kindOf({ host, port }), address: host, port },
});

/** Connects to the first address that answers. Throws ApiError `connect_no_address` or `connect_failed`. */
export const connectTo = async (node: Node, id: Point, addresses: readonly Address[]): Promise<Peer> => {
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

export const peerHandlers = (node: Node): Pick<Handlers, 'connect' | 'disconnect' | 'listpeers'> => ({
  connect: async ({ id: { id, host: inId, port: portInId }, host, port }) => {
    if (equal(id, node.keys.nodeId)) throw new ApiError('connect_failed', 'that is this node itself');
    const given = inId ?? host;
    const at = given === undefined ? undefined : { host: given, port: portInId ?? port ?? node.network.peerPort };
    const existing = node.peers.get(id);
    const peer = existing ?? (await connectTo(node, id, at === undefined ? node.addresses.of(id) : [at]));
    // Whoever is connected already may be so by another address than the one that was given.
    return connected(peer, existing === undefined ? (at ?? peer.remote) : peer.remote);
  },
  disconnect: async ({ id, force }) => {
    const peer = node.peers.get(id);
    if (peer === undefined) throw new ApiError('general', `not connected to ${hex(id)}`);
    const channels = node.channels.channelsWith(id).length;
    if (channels > 0 && !force)
      throw new ApiError('general', `there are ${channels} channels with this peer: add force=true to disconnect`);
    peer.close('asked for by the operator');
    return {};
  },
  listpeers: async ({ id }) => {
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
