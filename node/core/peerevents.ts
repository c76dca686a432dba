/**
 * Handlers of one chain for peers that connect, send messages or disconnect: they inform channels and gossip, and tell of a peer that
 * may be asked for gossip.
 */
import type { ChannelHost } from '../channels/host.ts';
import type { PeerHandlers } from '../peer/peer.ts';
import { type DispatchParts, dispatch, gossipPeer } from './dispatch.ts';

export interface PeerEventsParts extends DispatchParts {
  readonly channelHost: Pick<ChannelHost, 'connected' | 'disconnected'>;
}

export const peerEvents = (parts: PeerEventsParts): PeerHandlers => {
  const { gossip, sync, own, channelHost } = parts;
  return {
    ready: (peer) => {
      gossip.connected(gossipPeer(peer));
      channelHost.connected(peer);
      // BOLT 7: one without gossip_queries is not worth asking.
      if (peer.features.has('gossip_queries'))
        sync.connected({
          id: peer.id,
          isDialled: peer.direction === 'out',
          extended: peer.features.has('gossip_queries_ex'),
          send: (message) => peer.send(message),
        });
    },
    message: (peer, message, raw) => dispatch(parts, peer, message, raw),
    closed: (peer) => {
      gossip.forget(peer.id);
      sync.forget(peer.id);
      own.disconnected(peer.id);
      channelHost.disconnected(peer);
    },
  };
};
