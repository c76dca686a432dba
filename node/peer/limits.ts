/** Limits for what peers may use of a node. */

export interface PeerLimits {
  /** Inbound connections before `init`, in all and from one source. */
  readonly pendingInbound: number;
  readonly pendingInboundPerSource: number;
  /** Inbound connections from peers that we have no channel with, in all and from one source. */
  readonly withoutChannel: number;
  readonly withoutChannelPerSource: number;
  /** Bytes of memory that may wait for one peer to take them; so many more for each channel with it; and for all together. */
  readonly unsent: number;
  readonly unsentPerChannel: number;
  readonly unsentTotal: number;
  /** Outbound connections being made at once: automatic reconnects, and in all. */
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
  // After a reconnect a channel may retransmit 483 HTLCs of 1.5 KB each, and the resolutions of others.
  unsentPerChannel: 2 * MiB,
  unsentTotal: 64 * MiB,
  reconnecting: 128,
  dialling: 160,
};
