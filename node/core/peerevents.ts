/**
 * What happens when a peer comes and goes: the parts that live with peers are told, and a peer that gossips by request is
 * asked.
 */
import { hex } from '../../wire/bytes.ts';
import type { ChainHash, Point } from '../../wire/units.ts';
import type { ChannelHost } from '../channels/host.ts';
import type { Gossip } from '../graph/gossip.ts';
import type { OwnChannels } from '../graph/ownchannels.ts';
import type { PeerHandlers } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';
import { gossipPeer } from './dispatch.ts';

export interface PeerEventsParts {
  /** Where lines about a peer go: those of strangers take part in a budget that all of them share. */
  readonly logOf: (peer: Point) => Log;
  readonly gossip: Pick<Gossip, 'connected' | 'forget'>;
  readonly own: Pick<OwnChannels, 'disconnected'>;
  readonly chainHash: ChainHash;
  readonly channels: () => Pick<ChannelHost, 'connected' | 'disconnected'>;
  readonly message: PeerHandlers['message'];
}

/** The callbacks that a node's connections tell their coming and going to. */
export const peerEvents = ({ logOf, gossip, own, chainHash, channels, message }: PeerEventsParts): PeerHandlers => ({
  ready: (peer) => {
    logOf(peer.id).info({ peer: hex(peer.id), direction: peer.direction }, 'connected');
    gossip.connected(gossipPeer(peer));
    channels().connected(peer);
    // BOLT 7: a peer gossips only after it was told since when; we want all there is.
    if (peer.features.has('gossip_queries'))
      peer.send({
        name: 'gossip_timestamp_filter',
        chain_hash: chainHash,
        first_timestamp: 0,
        timestamp_range: 0xffff_ffff,
      });
  },
  message,
  closed: (peer, why) => {
    logOf(peer.id).info({ peer: hex(peer.id), why }, 'disconnected');
    gossip.forget(peer.id);
    own.disconnected(peer.id);
    channels().disconnected(peer);
  },
});
