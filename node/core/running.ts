/**
 * A running node, for the API, in three parts: its identity, its chain and its payments; and the options to start one. An API handler
 * names the parts that it needs.
 */

import type { PaymentEvent, ReceiverEvent } from '../../amp/events.ts';
import type { Msat } from '../../wire/units.ts';
import type { Backups } from '../backup/backups.ts';
import type { Disk } from '../base/disk.ts';
import type { Listeners } from '../base/listeners.ts';
import type { LevelTable } from '../base/loglevels.ts';
import type { Follower } from '../chain/follower.ts';
import type { HeightWaiters } from '../chain/heightwaiters.ts';
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
import type { FlowTurns } from '../pay/flowturns.ts';
import type { Invoices } from '../pay/invoices.ts';
import type { Knowledge } from '../pay/knowledge.ts';
import type { DeletePayments } from '../pay/paymentdeletion.ts';
import type { PaymentChannels } from '../pay/paymentparts.ts';
import type { PaymentRecord } from '../pay/paymentrecord.ts';
import type { Payments } from '../pay/payments.ts';
import type { Probes } from '../pay/probes.ts';
import type { ReceiverHost } from '../pay/receiver.ts';
import type { SendpayRecord } from '../pay/sendpayrecord.ts';
import type { Sendpays } from '../pay/sendpays.ts';
import type { AddressBook } from '../peer/addressbook.ts';
import type { CustomMessages } from '../peer/custommessages.ts';
import type { Peer } from '../peer/peer.ts';
import type { Peers } from '../peer/peers.ts';
import type { TraceFeed } from '../peer/tracefeed.ts';
import type { Network } from '../ports/network.ts';
import type { Address, Ports } from '../ports/ports.ts';
import type { Runes } from '../runes/runes.ts';
import type { Gate } from '../store/gate.ts';
import type { NodeKeys } from '../wallet/keys.ts';
import type { Refusals } from '../wallet/refusals.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { Experiments, Hooks } from './hooks.ts';
import type { Progress } from './progress.ts';

/** A peer came or went. */
export interface PeerNotice {
  readonly notice: 'connected' | 'disconnected';
  readonly peer: Peer;
}

/** What payments tell whoever listens, in and out. */
export interface PaymentNotices {
  /** What a payment says of itself, with its record; that is undefined where it is over. */
  readonly payments: Listeners<{ readonly event: PaymentEvent; readonly record: PaymentRecord | undefined }>;
  readonly received: Listeners<ReceiverEvent>;
  /** A payment of `pay` and the like, or an HTLC of `sendpay`, is over, and that is durable. */
  readonly over: Listeners<PaymentRecord | SendpayRecord>;
}

/** What does not depend on a chain. */
export interface NodeIdentity {
  readonly config: Config;
  readonly keys: NodeKeys;
  readonly alias: string;
  /** Six hex digits. */
  readonly color: string;
  readonly peers: Peers;
  /** The last wire messages, while somebody asks for them. */
  readonly traceFeed: TraceFeed;
  readonly addresses: AddressBook;
  readonly peerNotices: Listeners<PeerNotice>;
  readonly customMessages: CustomMessages;
  readonly gate: Gate;
  readonly disk: Disk;
  readonly runes: Runes;
  /** Unix seconds. */
  readonly now: () => number;
  /** How far the start is. */
  readonly progress: Progress;
}

/** What a node has on one chain. */
export interface NodeChain {
  readonly network: Network;
  /** The best block, or why bitcoind does not answer. Never waits long. */
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

/** Invoices and payments, in and out. */
export interface NodePayments {
  readonly invoices: Invoices;
  readonly receiver: ReceiverHost;
  readonly payments: Payments;
  /** HTLCs over routes of a caller's own. */
  readonly sendpays: Sendpays;
  readonly probes: Probes;
  /** Keeps searches for flows to their part of the time. */
  readonly flowTurns: FlowTurns;
  readonly deletePayments: DeletePayments;
  /** The channels as payments see them: by which an HTLC can leave, and how it is offered. */
  readonly paymentChannels: PaymentChannels;
  /** What payments taught about the channels of others. */
  readonly knowledge: Knowledge;
  readonly forwards: ForwardLog;
  /** Of all HTLCs that were forwarded. */
  readonly feesCollected: () => Msat;
  readonly notices: PaymentNotices;
}

/** A node, for the API. */
export interface Node extends NodeIdentity, NodeChain, NodePayments {
  /** With a chain whose requests end after a time limit (timeouts.ts). */
  readonly ports: Ports;
  /** Starts; resolves when it listens and follows its chain. Throws ChainError (`closed` when stopped meanwhile), StoreError, ListenError. */
  readonly begin: () => Promise<void>;
  /** Stops everything in order, at any time: what was begun is finished or safely on disk. A chain that is away is not waited for. */
  readonly stop: () => Promise<void>;
}

export interface NodeOptions {
  readonly config: Config;
  readonly ports: Ports;
  /** The node cannot continue: the store failed, or there is a bug. Called at most once. */
  readonly onFailure: (error: unknown) => void;
  readonly experiments?: Experiments;
  readonly hooks?: Hooks;
  /** Told how far the start is. */
  readonly progress?: Progress;
}

/** What the process of a node offers its API. */
export interface ProcessControl {
  /** The address of the HTTP API, once it listens. */
  readonly api: () => Address | undefined;
  readonly stop: () => void;
  /** The log level of each part. */
  readonly logLevels: Pick<LevelTable, 'levels' | 'set'>;
}
