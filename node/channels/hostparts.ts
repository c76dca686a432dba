/** What the channels of a node are given: the ports, the parts beside them, and whom they tell. */
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import type { Peers } from '../peer/peers.ts';
import type { Chain, Clock, Log, Store } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { Refusals } from '../wallet/refusals.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { BackupKeeper } from './chaineffects.ts';
import type { Channels } from './channels.ts';
import type { Entry } from './entry.ts';
import type { Onchain } from './onchain.ts';

/** Who is told of a channel's event. */
export type ChannelEventHandler = (entry: Entry, event: ChannelEvent) => void;

export interface HostParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly chain: Chain;
  readonly clock: Clock;
  readonly log: Log;
  /** For what strangers can cause: few lines of a kind. */
  readonly limitedLog: Log;
  /** Seconds that a peer which is there may owe us its next message. */
  readonly peerTimeout: number;
  readonly wallet: Wallet;
  readonly refusals: Refusals;
  readonly peers: Peers;
  readonly backups: BackupKeeper;
  readonly follower: Follower;
  readonly watcher: Watcher;
  readonly onchain: Onchain;
  readonly channels: Channels;
  /** Put between the channels and those that are told of their events; undefined: nothing is. */
  readonly wrapEvents?: ((next: ChannelEventHandler) => ChannelEventHandler) | undefined;
  /** The channel and its peer are in step again, or for the first time. */
  readonly onOnline: (entry: Entry) => void;
  /** The store failed: nothing may go on. */
  readonly fatal: (error: unknown) => void;
  /** Something else did, beside a channel's own steps; of a failed store it makes the same. */
  readonly onError: (error: unknown) => void;
}
