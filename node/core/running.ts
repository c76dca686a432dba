/**
 * A running node, as its API sees it, in three parts: who it is, the chain that it stands on, and its payments. A handler takes what it
 * needs of one of them. And what it takes to start a node.
 */

import type { Msat } from '../../wire/units.ts';
import type { Backups } from '../backup/backups.ts';
import type { Disk } from '../base/disk.ts';
import type { LevelTable } from '../base/loglevels.ts';
import type { Follower } from '../chain/follower.ts';
import type { HeightWaiters } from '../chain/heightwaits.ts';
import type { ChainOutage } from '../chain/outage.ts';
import type { TipOrReason } from '../chain/timeouts.ts';
import type { Channels } from '../channels/channels.ts';
import type { Entry } from '../channels/entry.ts';
import type { ChannelHost } from '../channels/host.ts';
import type { Onchain } from '../channels/onchain.ts';
import type { OpeningParts } from '../channels/opening.ts';
import type { ChannelPolicies } from '../channels/policies.ts';
import type { Reconnecting } from '../channels/reconnect.ts';
import type { Config } from '../config/config.ts';
import type { ForwardLog } from '../forward/forwardlog.ts';
import type { Graph } from '../graph/graph.ts';
import type { OwnChannels } from '../graph/ownchannels.ts';
import type { Invoices } from '../pay/invoices.ts';
import type { Payments } from '../pay/payments.ts';
import type { ReceiverHost } from '../pay/receiver.ts';
import type { AddressBook } from '../peer/addressbook.ts';
import type { Peers } from '../peer/peers.ts';
import type { Network } from '../ports/network.ts';
import type { Address, Ports } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import type { Refusals } from '../wallet/refusals.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { Experiments, Hooks } from './hooks.ts';
import type { Progress } from './progress.ts';

/** Who the node is, whatever chain it stands on. */
export interface NodeIdentity {
  readonly config: Config;
  readonly keys: NodeKeys;
  readonly alias: string;
  /** Six hex digits. */
  readonly color: string;
  readonly peers: Peers;
  readonly addresses: AddressBook;
  readonly gate: Gate;
  readonly disk: Disk;
  /** Unix seconds. */
  readonly now: () => number;
  /** How far it has come up. */
  readonly progress: Progress;
}

/** What a node has on one chain. */
export interface NodeChain {
  readonly network: Network;
  /** How far the chain is, if it says so at once. */
  readonly chainTip: () => Promise<TipOrReason>;
  readonly follower: Follower;
  readonly heightWaiters: HeightWaiters;
  readonly outage: ChainOutage;
  readonly wallet: Wallet;
  readonly refusals: Refusals;
  /** The estimate for the next blocks, sat per 1,000 weight. */
  readonly feerate: () => number;
  readonly channels: Channels;
  readonly channelHost: ChannelHost;
  readonly opening: OpeningParts;
  readonly reconnecting: Reconnecting;
  readonly onchain: Onchain;
  readonly backups: Backups;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly policies: ChannelPolicies;
  /** A channel can be announced, or its peer told its policy; or what was said of it grew old. */
  readonly refresh: (entry: Entry) => void;
}

/** What a node pays and is paid. */
export interface NodePayments {
  readonly invoices: Invoices;
  readonly receiver: ReceiverHost;
  readonly payments: Payments;
  readonly forwards: ForwardLog;
  /** Of all HTLCs that were forwarded. */
  readonly feesCollected: () => Msat;
}

/** A node, as its API sees it. */
export interface Node extends NodeIdentity, NodeChain, NodePayments {
  /** Its chain is one for callers, who cannot wait for it: see timeouts.ts. */
  readonly ports: Ports;
  /** Comes up; resolves when it listens and follows its chain. Throws ChainError (`closed` when stopped meanwhile), StoreError, ListenError. */
  readonly begin: () => Promise<void>;
  /** Ends everything in good order, at any time: what was begun is finished or safely on disk. A chain that is away is not waited for. */
  readonly stop: () => Promise<void>;
}

export interface NodeOptions {
  readonly config: Config;
  readonly ports: Ports;
  /** Something failed that the node cannot go on with: the store, or a bug. Called at most once. */
  readonly onFailure: (error: unknown) => void;
  readonly experiments?: Experiments;
  readonly hooks?: Hooks;
  /** Where it is told how far the node has come up. */
  readonly progress?: Progress;
}

/** What the process around a node adds. */
export interface ProcessControl {
  /** Where HTTP calls are taken, once they are. */
  readonly api: () => Address | undefined;
  readonly stop: () => void;
  /** How much of each part the log takes now. */
  readonly logLevels: Pick<LevelTable, 'levels' | 'set'>;
}
