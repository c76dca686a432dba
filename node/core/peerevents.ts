/**
 * Handlers of one chain for peers that connect, send messages or disconnect: they inform channels and gossip, and ask a peer with
 * gossip_queries for its gossip.
 */
import type { ChannelHost } from '../channels/host.ts';
import type { PeerHandlers } from '../peer/peer.ts';
import { type DispatchParts, dispatch, gossipPeer } from './dispatch.ts';

export interface PeerEventsParts extends DispatchParts {
  readonly channelHost: Pick<ChannelHost, 'connected' | 'disconnected'>;
}

export const peerEvents = (parts: PeerEventsParts): PeerHandlers => {
  const { gossip, own, chainHash, channelHost } = parts;
  return {
    ready: (peer) => {
      gossip.connected(gossipPeer(peer));
      channelHost.connected(peer);
      // BOLT 7: a peer sends gossip only after a gossip_timestamp_filter; this one asks for all there is.
      if (peer.features.has('gossip_queries'))
        peer.send({
          name: 'gossip_timestamp_filter',
          chain_hash: chainHash,
          first_timestamp: 0,
          timestamp_range: 0xffff_ffff,
        });
    },
    message: (peer, message, raw) => dispatch(parts, peer, message, raw),
    closed: (peer) => {
      gossip.forget(peer.id);
      own.disconnected(peer.id);
      channelHost.disconnected(peer);
    },
  };
};
