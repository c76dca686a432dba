/**
 * The chains of a node, for its peers' messages. It is made empty, before the peers and the chains, since each needs the other. A
 * message goes to the chain that has its channel, or whose chain_hash it has; any other message goes to the first chain, which answers
 * as BOLT 1, 2 and 7 say.
 */
import { equal, hex } from '../../wire/bytes.ts';
import type { Message } from '../../wire/message.ts';
import type { ChainHash, Point } from '../../wire/units.ts';
import { Listeners } from '../base/listeners.ts';
import type { Channels } from '../channels/channels.ts';
import { fundedChannelsWith } from '../channels/reconnect.ts';
import { CustomMessages } from '../peer/custommessages.ts';
import type { Peer, PeerHandlers } from '../peer/peer.ts';
import type { Log } from '../ports/ports.ts';
import { isForAllChannels } from './dispatch.ts';
import type { PeerNotice } from './running.ts';

/** What `Chains` needs of a chain. */
export interface PeersChain {
  readonly chainHash: ChainHash;
  readonly channels: Pick<Channels, 'channelsWith' | 'byChannelId'>;
  readonly handlers: PeerHandlers;
}

export class Chains {
  private readonly all: PeersChain[] = [];
  /** Told of each peer that is connected, after `init`, and of each whose connection ended. */
  readonly peerNotices = new Listeners<PeerNotice>();

  /** Messages that belong to no chain, for whoever speaks them. */
  readonly customMessages = new CustomMessages();

  add(chain: PeersChain): void {
    this.all.push(chain);
  }

  /** How many channels with a peer have a funding transaction, over all chains. */
  fundedChannelsWith(peer: Point): number {
    return this.all.reduce((sum, { channels }) => sum + fundedChannelsWith(channels, peer), 0);
  }

  /**
   * Handlers for connections, disconnections and messages of all peers. `logOf` gives the log for lines about a peer: strangers share
   * a limited one.
   */
  peerHandlers(logOf: (peer: Point) => Log): PeerHandlers {
    return {
      custom: this.customMessages,
      ready: (peer) => {
        logOf(peer.id).info({ peer: hex(peer.id), direction: peer.direction }, 'connected');
        for (const { handlers } of this.all) handlers.ready(peer);
        this.peerNotices.tell({ notice: 'connected', peer });
      },
      message: (peer, message, raw) => {
        if (!isForAllChannels(message)) return this.chainOf(peer, message)?.handlers.message(peer, message, raw);
        for (const { handlers } of this.all) handlers.message(peer, message, raw);
        return undefined;
      },
      closed: (peer, why) => {
        logOf(peer.id).info({ peer: hex(peer.id), why }, 'disconnected');
        for (const { handlers } of this.all) handlers.closed(peer, why);
        this.peerNotices.tell({ notice: 'disconnected', peer });
      },
    };
  }

  private chainOf({ id }: Peer, message: Message): PeersChain | undefined {
    const found = this.all.find(({ chainHash, channels }) => {
      if ('chain_hash' in message) return equal(message.chain_hash, chainHash);
      if ('channel_id' in message) return channels.byChannelId(id, message.channel_id) !== undefined;
      if ('temporary_channel_id' in message)
        return channels.byChannelId(id, message.temporary_channel_id) !== undefined;
      return false;
    });
    return found ?? this.all[0];
  }
}
