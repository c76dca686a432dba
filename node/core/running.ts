/** A running node, as its API sees it, and what it takes to start one. */

import type { Msat } from '../../wire/units.ts';
import type { Backups } from '../backup/backups.ts';
import type { Disk } from '../base/disk.ts';
import type { LevelTable } from '../base/loglevels.ts';
import type { Follower } from '../chain/follower.ts';
import type { ChainOutage } from '../chain/outage.ts';
import type { TipOrReason } from '../chain/timeouts.ts';
import type { ChannelHost } from '../channels/host.ts';
import type { Onchain } from '../channels/onchain.ts';
import type { OpeningParts } from '../channels/opening.ts';
import type { Reconnecting } from '../channels/reconnect.ts';
import type { Config } from '../config/config.ts';
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
import type { Hooks } from './hooks.ts';
import type { Experiments } from './paymentservices.ts';
import type { Progress } from './progress.ts';

/** A node, as its API sees it. */
export interface Node {
  readonly config: Config;
  /** Its chain is one for callers, who cannot wait for it: see impatient.ts. */
  readonly ports: Ports;
  /** How far the chain is, if it says so at once. */
  readonly chainTip: () => Promise<TipOrReason>;
  readonly network: Network;
  readonly keys: NodeKeys;
  readonly peers: Peers;
  readonly addresses: AddressBook;
  readonly wallet: Wallet;
  readonly refusals: Refusals;
  readonly follower: Follower;
  readonly outage: ChainOutage;
  readonly graph: Graph;
  readonly own: OwnChannels;
  readonly channels: ChannelHost;
  readonly onchain: Onchain;
  readonly gate: Gate;
  readonly backups: Backups;
  readonly disk: Disk;
  readonly reconnecting: Reconnecting;
  readonly invoices: Invoices;
  readonly receiver: ReceiverHost;
  readonly payments: Payments;
  readonly opening: OpeningParts;
  readonly alias: string;
  /** Six hex digits. */
  readonly color: string;
  readonly feesCollected: () => Msat;
  readonly feerate: () => number;
  /** Unix seconds. */
  readonly now: () => number;
  /** How far it has come up. */
  readonly progress: Progress;
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
