/**
 * Another implementation of Lightning as the suite of cases sees it: found, started as a process, asked, killed, ended. One driver
 * each; what an implementation cannot do stands in its table, in its own words where it has any, and its cases are left out with that
 * reason. Hashes, keys, ids and scripts are hex.
 */
import type { RunningBitcoind } from '../../../node/regtest/demo/bitcoind.ts';
import type { Outpoint } from '../trace.ts';

/** What not all of them can do. */
export const abilities = [
  'anchors',
  'static_remotekey',
  'keysend',
  'multipart',
  'all of a channel',
  'hints of its own channels',
  'forwarding',
  'failures of others',
  'terms said again',
  'deployed AMP',
  'millisatoshi invoices',
  'amounts of choice',
  'hold invoices',
  'HTLCs counted',
  'HTLCs of one expiry',
  'payments refused',
  'one payment taken of several',
  'disconnecting',
  'restart',
  'private channels',
  'announcing',
  'update_fee',
  'closing feerate',
  'closing script',
  'closing at the dust limit',
  'closing with little left',
  'force close',
  'old states',
  'second node',
] as const;
export type Ability = (typeof abilities)[number];

/** Why it cannot do some of them. */
export type Cannot = Readonly<Partial<Record<Ability, string>>>;

export interface Address {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface PeerOptions {
  /** Unique within `dir`: also what its keys and folder follow from. */
  readonly name: string;
  readonly dir: string;
  readonly bitcoind: RunningBitcoind;
  /** Whether channels it opens have anchors, where it can choose. */
  readonly anchors?: boolean;
  /** Whether private channels it opens have option_scid_alias in their type, where it can choose. */
  readonly scidAlias?: boolean;
}

/** An implementation. */
export interface Kind {
  readonly name: string;
  readonly cannot: Cannot;
  /** sat per 1,000 weight that it pays on the chain, where that is far above what the others pay. */
  readonly feerate?: bigint;
  /** How many payments a channel that is to bear many takes each way, where that is fewer than the others'. */
  readonly payments?: number;
  /** Options that the bitcoind needs for it. */
  readonly chain?: readonly string[];
  /** Why none can be had on this machine, and how to get one; undefined where one can. */
  missing(): Promise<string | undefined>;
  /** The version that `start` would start. */
  version(): Promise<string>;
  /** Starts one that has read the chain. Throws Error with the end of its log. */
  start(options: PeerOptions): Promise<Peer>;
}

export interface OpenTerms {
  readonly sat: bigint;
  readonly pushMsat?: bigint;
  readonly announce?: boolean;
  readonly anchors?: boolean;
}

export interface PeerChannel {
  readonly channelId: string;
  readonly funding: Outpoint;
  readonly capacitySat: bigint;
  /** Ready, and the other side connected. */
  readonly usable: boolean;
  readonly anchors: boolean;
  /** HTLCs under way. */
  readonly htlcs: number;
  /** What the other side has of it by these books, give or take one satoshi. */
  readonly theirSat: bigint;
}

export interface PeerInvoice {
  readonly bolt11: string;
  readonly paymentHash: string;
}

/** A payment that it made. */
export interface PeerPaid {
  readonly paymentHash: string;
  readonly feeMsat: bigint;
  /** What proves it, where it tells. */
  readonly preimage?: string;
}

/** How an HTLC of a payment of its failed. */
export interface PeerFailure {
  /** Whether it was the payee who refused it, so that no other way and no other time will do. */
  readonly isFinal: boolean;
  /** Whether it came back from its way; else it was not sent. */
  readonly isOnWay: boolean;
}

/** A payment that it got. */
export interface PeerReceived {
  readonly amountMsat: bigint;
  /** HTLCs it came in, where it tells. */
  readonly parts?: number;
  /** Whether it came without an invoice, where it tells. */
  readonly isSpontaneous?: boolean;
  /** Further records of its onions: values in hex, by type. */
  readonly records?: Readonly<Record<number, string>>;
}

export interface CloseTerms {
  /** sat per 1,000 weight. */
  readonly perKw?: number;
  /** Address that it is paid at. */
  readonly address?: string;
}

/** How a person talks to a running node from a shell. */
export interface CommandLine {
  /** What it is called. */
  readonly name: string;
  /** The program and the arguments that come first. */
  readonly words: readonly string[];
  /** Some lines that begin with its name. */
  readonly examples: readonly string[];
}

/** A running node of another implementation. What its kind cannot do throws Error with the reason. */
export interface Peer {
  readonly kind: Kind;
  readonly name: string;
  readonly id: string;
  readonly address: Address;
  /** Its own command line, where it has one. */
  readonly commandLine?: CommandLine;
  /** The last lines of its log. */
  logTail(lines?: number): string;
  /** Resolves when it has read this block and done what it does about it. */
  reach(height: number): Promise<void>;
  /** An address of its wallet: what it opens channels from, and pays fees on chain from. */
  newAddress(): Promise<string>;
  /** Resolves when its wallet has so many confirmed coins. */
  hasCoins(count: number): Promise<void>;
  connect(to: Address): Promise<void>;
  disconnect(id: string): Promise<void>;
  /** Node ids it is connected with. */
  peers(): Promise<readonly string[]>;
  /** Opens a channel to a node that is connected; answers once the funding transaction is out, with the channel's id. */
  open(id: string, terms: OpenTerms): Promise<string>;
  channels(): Promise<readonly PeerChannel[]>;
  invoice(amountMsat: bigint): Promise<PeerInvoice>;
  /** Pays an invoice, another amount than it asks for where one is given. Throws Error with its words. */
  pay(bolt11: string, amountMsat?: bigint): Promise<PeerPaid>;
  /** Pays a node without an invoice, with further records in the onion: values in hex, by type. */
  keysend(id: string, amountMsat: bigint, records?: Readonly<Record<number, string>>): Promise<PeerPaid>;
  /** What it got for a payment hash; undefined as long as that is nothing. */
  received(paymentHash: string): Promise<PeerReceived | undefined>;
  /** Makes an invoice whose payment waits for `settle` or `refuse`. */
  holdInvoice(amountMsat: bigint): Promise<PeerInvoice>;
  /** Resolves when a payment waits. */
  isHeld(paymentHash: string): Promise<void>;
  settle(paymentHash: string): Promise<void>;
  /** Refuses a payment that waits; where the kind cannot, one that is yet to come. */
  refuse(paymentHash: string): Promise<void>;
  /** How a payment of its failed the last time that one of its HTLCs did; undefined where it tells more elsewhere. */
  failure?(paymentHash: string): Promise<PeerFailure | undefined>;
  /** Begins to close a channel together with the other side. */
  close(channelId: string, terms?: CloseTerms): Promise<void>;
  forceClose(channelId: string): Promise<void>;
  /** Changes the feerate of the commitments of channels it opened, in sat per 1,000 weight. */
  feerate(perKw: number): Promise<void>;
  /** The channels it knows by gossip, as BLOCKxTXxOUTPUT, with the number of directions that have a policy. */
  graph(): Promise<readonly { readonly scid: string; readonly directions: number }[]>;
  /** Scripts of its wallet that were paid so far. */
  scripts(): Promise<readonly string[]>;
  /** Does something, and remembers the state its channels have at the end of it. It may start again for that. */
  remembering(something: () => Promise<void>): Promise<void>;
  /** Publishes the commitment transaction of the state it remembers of a channel, our node being away. */
  publishOld(channelId: string): Promise<void>;
  /** AMP as lnd deploys it, where the kind has it. */
  readonly amp?: DeployedAmp;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, at the same address. */
  restart(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** One HTLC of an AMP as a payer of one's own making sends it. */
export interface Shard {
  readonly sat: bigint;
  readonly totalSat: bigint;
  readonly paymentHash: Uint8Array;
  readonly paymentSecret: Uint8Array;
  readonly setId: Uint8Array;
  readonly share: Uint8Array;
  readonly childIndex: number;
}

/** A set that came to an invoice, or without one. */
export interface AmpSet {
  readonly settled: boolean;
  readonly amountMsat: bigint;
}

export interface DeployedAmp {
  /** Forgets which ways payments went well over, and which not. */
  forget(): Promise<void>;
  /** Pays a node without an invoice in HTLCs of at most this size, and says in how many. */
  spontaneous(id: string, amountMsat: bigint, mostMsat: bigint): Promise<number>;
  /** Makes an AMP invoice. */
  invoice(amountMsat: bigint): Promise<string>;
  /** Pays an AMP invoice, and says in how many HTLCs. */
  pay(bolt11: string, mostMsat?: bigint): Promise<number>;
  /** What came by AMP to the newest invoice: one row a set, and the HTLCs of all of them that were settled. */
  received(): Promise<{ readonly sets: readonly AmpSet[]; readonly htlcs: number }>;
  /** Sends one HTLC to a node: the preimage in hex, or the name of its failure. */
  send(id: string, shard: Shard): Promise<string>;
}

/** What one can say to a peer that has no command line of its own: each with what follows it, and its answer. */
export const talkable: Readonly<Record<string, (peer: Peer, given: string) => Promise<string>>> = {
  id: async (peer) => peer.id,
  invoice: async (peer, sat) => {
    if (!/^[1-9]\d{0,15}$/.test(sat)) throw new RangeError('invoice: expected an amount in satoshi');
    return (await peer.invoice(BigInt(sat) * 1000n)).bolt11;
  },
  pay: async (peer, bolt11) => {
    const { paymentHash, feeMsat } = await peer.pay(bolt11);
    return `paid ${paymentHash} for a fee of ${feeMsat} msat`;
  },
  channels: async (peer) =>
    (await peer.channels())
      .map(({ channelId, capacitySat, theirSat, usable }) =>
        [channelId.slice(0, 16), `${capacitySat} sat, ${theirSat} of them ours`, usable ? '' : 'not usable'].join('  '),
      )
      .join('\n'),
};
