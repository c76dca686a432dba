/** What the channels of a node need: the ports, other parts of the node, and the handlers of their events. */
import type { ChannelEvent } from '../../channel/model/io.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import type { StepRecorder } from '../base/recording.ts';
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

/** Handles an event of a channel. */
export type ChannelEventHandler = (entry: Entry, event: ChannelEvent) => void;

/** A step of a channel's machine. */
export interface ChannelStep {
  readonly entry: Entry;
  readonly before: ChannelState;
  readonly now: ChannelState;
}

export interface HostParts {
  readonly store: Store;
  readonly gate: Gate;
  readonly chain: Chain;
  readonly clock: Clock;
  readonly log: Log;
  /** For lines that strangers can cause: few of a kind. */
  readonly limitedLog: Log;
  /** Seconds after which a connected peer that owes a message is disconnected. */
  readonly peerTimeout: number;
  readonly wallet: Wallet;
  readonly refusals: Refusals;
  readonly peers: Peers;
  readonly backups: BackupKeeper;
  readonly follower: Follower;
  readonly watcher: Watcher;
  readonly onchain: Onchain;
  readonly channels: Channels;
  /** Wraps the handler of the channels' events; undefined: nothing does. */
  readonly wrapEvents?: ((next: ChannelEventHandler) => ChannelEventHandler) | undefined;
  /** Records each step of each channel; undefined: nothing does. */
  readonly recorder?: StepRecorder | undefined;
  /** channel_reestablish is exchanged with the peer, again or for the first time. */
  readonly onOnline: (entry: Entry) => void;
  /** The store failed: the node must stop. */
  readonly fatal: (error: unknown) => void;
  /** Handles any other error, outside a channel's own steps; a failed store stops the node here, too. */
  readonly onError: (error: unknown) => void;
}
