/** Keeps the node connected to peers that it has a channel with. */
import { unhex } from '../../wire/bytes.ts';
import { type Point, point } from '../../wire/units.ts';
import type { OwnChannels } from '../graph/ownchannels.ts';
import type { AddressBook } from '../peer/addressbook.ts';
import type { Peers } from '../peer/peers.ts';
import type { Channels } from './channels.ts';
import { coreOf, type Entry } from './entry.ts';
import type { ChannelPolicies } from './policies.ts';

export interface Reconnecting {
  /** There is a channel with this peer. */
  keepConnected(entry: Entry): void;
  /** A channel is gone: after the last one with its peer, the node no longer reconnects to that. */
  channelGone(entry: Entry): void;
}

/**
 * How many funded channels there are with a peer: those whose funding was confirmed, or is ours. A channel that a peer only claims to
 * have funded does not count.
 */
export const fundedChannelsWith = (channels: Pick<Channels, 'channelsWith'>, peer: Point): number =>
  channels.channelsWith(peer).filter(({ machine }) => {
    const core = coreOf(machine.state);
    return core !== undefined && (core.lockin.scid !== undefined || core.params.role === 'funder');
  }).length;

const peerOf = ({ peer }: Entry): Point => point(unhex(peer));

export const reconnectingOf = (parts: {
  readonly peers: Pick<Peers, 'keepConnected' | 'stopReconnecting'>;
  readonly channels: Channels;
  readonly addresses: AddressBook;
  readonly own: OwnChannels;
  readonly policies: Pick<ChannelPolicies, 'forget'>;
}): Reconnecting => ({
  keepConnected: (entry) => {
    const peer = peerOf(entry);
    parts.peers.keepConnected(peer, parts.addresses.of(peer));
  },
  channelGone: (entry) => {
    const peer = peerOf(entry);
    parts.own.forget(entry.key);
    parts.policies.forget(entry.key);
    if (parts.channels.channelsWith(peer).length > 0) return;
    parts.peers.stopReconnecting(peer);
    parts.own.forgetPeer(peer);
  },
});
