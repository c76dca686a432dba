/** How much of a node its peers may have. */

export interface PeerLimits {
  /** Inbound connections that have not said `init` yet, in all and from one source. */
  readonly pendingInbound: number;
  readonly pendingInboundPerSource: number;
  /** Inbound connections from peers that we have no channel with, in all and from one source. */
  readonly withoutChannel: number;
  readonly withoutChannelPerSource: number;
  /** Bytes of memory that may wait for one peer to take them; so many more for each channel with it; and for all together. */
  readonly unsent: number;
  readonly unsentPerChannel: number;
  readonly unsentTotal: number;
  /** Connections being made at once: to peers that are called back, and all in all. */
  readonly reconnecting: number;
  readonly dialling: number;
}

const MiB = 1024 * 1024;

export const peerLimits: PeerLimits = {
  pendingInbound: 256,
  pendingInboundPerSource: 8,
  withoutChannel: 500,
  withoutChannelPerSource: 32,
  unsent: MiB,
  // After a reconnection a channel says 483 HTLCs again, of 1.5 KB each, and what became of others.
  unsentPerChannel: 2 * MiB,
  unsentTotal: 64 * MiB,
  reconnecting: 128,
  dialling: 160,
};
