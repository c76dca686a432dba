/**
 * The state of a channel (BOLT 2). Each phase is its own type and holds only what exists then. Parts that change together are one
 * object and one record of the store (persist.ts), so a step re-encodes only what it replaced.
 */

import type { ChainHash, ChannelId, Msat, Point, Sat, ShortChannelId, Signature, Txid } from '../../wire/units.ts';
import type { CommitmentFormat } from '../tx/commitmentformats.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { Basepoints, ChannelSecrets, CommitmentKeys } from '../tx/keys.ts';
import type { SecretStore } from '../tx/secrets.ts';
import type { ChainView } from './chainview.ts';
import type { ChannelFeatures } from './channeltype.ts';
import type { Fault } from './errors.ts';
import type { Htlc, UpdateMarks } from './htlc.ts';

export type { Htlc, HtlcDirection, PastHtlc, Removal, RemovalReason, UpdateMarks } from './htlc.ts';

/** One side's parameters, from its `open_channel` or `accept_channel`. */
export interface OpeningTerms {
  /** Holds for this side's own commitment. */
  readonly dustLimit: Sat;
  /** The rest binds the other side: most it may have in flight, least it may offer, how long its outputs wait ... */
  readonly maxHtlcValueInFlight: Msat;
  readonly htlcMinimum: Msat;
  readonly toSelfDelay: number;
  readonly maxAcceptedHtlcs: number;
  /** ... and what it must keep. */
  readonly reserve: Sat;
  /** minimum_depth: chosen by the fundee, zero in `open_channel`. */
  readonly minimumDepth: number;
  readonly basepoints: Basepoints;
  /** This side's upfront_shutdown_script; undefined when it sent none. */
  readonly upfrontScript: Uint8Array | undefined;
}

/** An `open_channel` that was sent and not answered yet. */
export interface Proposal {
  readonly key: string;
  readonly role: 'funder' | 'fundee';
  readonly peer: Point;
  readonly chainHash: ChainHash;
  readonly temporaryChannelId: ChannelId;
  readonly seed: Uint8Array;
  /** Used instead of the secrets of the seed where they were given. A record of its own. */
  readonly forced?: ChannelSecrets | undefined;
  readonly capacity: Sat;
  readonly push: Msat;
  /** Of the first commitments. */
  readonly feerate: number;
  readonly announce: boolean;
  readonly format: CommitmentFormat['name'];
  /** Whether the channel type has option_scid_alias. */
  readonly scidAliasType: boolean;
  /** Our alias, sent to the peer once it supports option_scid_alias; undefined only in older stores. */
  readonly alias: ShortChannelId | undefined;
  readonly shutdownScript: Uint8Array;
  /** Height at which we began. */
  readonly since: number;
  readonly local: OpeningTerms;
}

/** What both sides agreed on; never changes. */
export interface Params extends Proposal {
  readonly remote: OpeningTerms;
}

/** A change of feerate under way; the last one that a commitment contains counts. */
export interface FeeChange {
  readonly feerate: number;
  readonly marks: UpdateMarks;
  readonly order: number;
}

/**
 * The commitment numbers of both sides and what the latest commitments build on (BOLT 2, "Normal Operation"). One small record, `head`
 * in the store, saved with each signature and revocation.
 */
export interface CommitmentState {
  /** Number of our commitment; all before are revoked. */
  readonly local: number;
  /** Number of the peer's last commitment before which all are revoked. */
  readonly remote: number;
  /** Set while remote + 1 is signed and not yet revoked: the value of `local` when we signed. */
  readonly signedAt: number | undefined;
  /**
   * Our balance and the feerate after all finished updates; pending updates are folded over them, and the rest is the peer's.
   * In millisatoshi; may leave 0..capacity while a finished HTLC waits for its acknowledgement.
   */
  readonly toUs: bigint;
  readonly feerate: number;
  /** The next HTLC ids by committed updates alone: what the counters go back to on a disconnect. */
  readonly signedIn: bigint;
  readonly signedOut: bigint;
  /** The peer's per-commitment points of `remote` and of `remote + 1`; the latter first comes with channel_ready. */
  readonly remotePoint: Point;
  readonly remoteNextPoint: Point | undefined;
}

/** The next HTLC ids and the next update number; not saved. */
export interface Counters {
  readonly nextIn: bigint;
  readonly nextOut: bigint;
  /** Counts our updates of any kind. */
  readonly order: number;
}

/** The peer's signatures on our commitment `head.local`. */
export interface LocalSignatures {
  readonly commitment: Signature;
  readonly htlcs: readonly Signature[];
}

/** The connection to the peer; never saved. While `syncing` only channel_reestablish is sent. */
export type ConnectionState = { readonly peerError?: PeerError | undefined } & (
  | { readonly status: 'offline' }
  | {
      readonly status: 'syncing' | 'online';
      readonly features: ChannelFeatures;
      /** The peer's HTLCs below this id were signed before this connection; undefined in the channel's first. */
      readonly known?: bigint | undefined;
      /** The height at which the peer's channel_reestablish came; undefined on the channel's first connection, or before it. */
      readonly since?: number | undefined;
    }
);

/** An `error` that the peer sent before channel_reestablish, and its height. Outlives the connection. */
export interface PeerError {
  readonly text: string;
  readonly since: number;
}

/** Both `shutdown` scripts. `ours` is set once we want to close; `sent` once we sent `shutdown`. */
export interface Shutdown {
  readonly ours: Uint8Array | undefined;
  readonly sent: boolean;
  readonly theirs: Uint8Array | undefined;
  readonly feerates: CloseFeerates | undefined;
}

/** How far the funding transaction and both channel_ready are. */
export interface Lockin {
  readonly scid: ShortChannelId | undefined;
  /** Whether we said channel_ready. */
  readonly sent: boolean;
  readonly received: boolean;
  readonly peerAlias: ShortChannelId | undefined;
}

/** What is remembered of cooperative closing. */
export interface Closings {
  /** Txids of all closing transactions that we signed: the peer may complete any of them at any time. */
  readonly signed: readonly Txid[];
  /** Height at which the first was agreed; it has time from there, or from the block of the funding; undefined while none is. */
  readonly agreedAt: number | undefined;
  /** Our commitment is published beside what was agreed. */
  readonly fellBack: boolean;
  /** Height from which on the network refuses what was agreed; undefined while it does not. Not saved. */
  readonly refusedSince: number | undefined;
}

/** When a close began, and when its last HTLC was gone: its time limits count from there (waits.ts). */
export interface ClosingSince {
  /** Who began it; undefined in older stores. */
  readonly by: 'us' | 'peer' | undefined;
  readonly began: number;
  readonly empty: number | undefined;
}

/** What every channel with a funding transaction has. */
export interface Core {
  readonly params: Params;
  readonly funding: Outpoint;
  readonly channelId: ChannelId;
  readonly head: CommitmentState;
  readonly incoming: ReadonlyMap<bigint, Htlc>;
  readonly outgoing: ReadonlyMap<bigint, Htlc>;
  /** Changes of feerate that are not done on both sides, oldest first. */
  readonly fees: readonly FeeChange[];
  readonly counters: Counters;
  readonly signatures: LocalSignatures;
  /** Per-commitment secrets of the peer's revoked commitments. */
  readonly secrets: SecretStore;
  readonly lockin: Lockin;
  readonly closings: Closings;
  /** The funder's transaction until it is deep enough; otherwise empty. */
  readonly fundingTx: Uint8Array;
  /** `head.remote` when the peer's revoke_and_ack became overdue: no HTLC is offered before it comes. Not saved. */
  readonly revocationOverdue: number | undefined;
  /** Height at which a feerate of the peer's was refused that it has not taken back since. */
  readonly feeRefusedSince?: number | undefined;
  /** Undefined while nobody closes. */
  readonly closingSince: ClosingSince | undefined;
  readonly link: ConnectionState;
  /** Derived and not saved: our secrets and, once they are prepared or needed, the keys of both next commitments. */
  readonly keys: ChannelSecrets;
  readonly nextLocalKeys: CommitmentKeys | undefined;
  readonly nextRemoteKeys: CommitmentKeys | undefined;
}

/** Funder: `open_channel` is out. */
export interface AwaitingAccept {
  readonly phase: 'awaiting_accept';
  readonly proposal: Proposal;
  readonly fundingFeerate: number;
  readonly features: ChannelFeatures;
}
/** Funder: the wallet makes the transaction. */
export interface AwaitingFunding {
  readonly phase: 'awaiting_funding';
  readonly params: Params;
  readonly remotePoint: Point;
  readonly features: ChannelFeatures;
}
/** Funder: `funding_created` is out; the transaction must not be published yet. */
export interface AwaitingFundingSigned {
  readonly phase: 'awaiting_funding_signed';
  readonly params: Params;
  readonly remotePoint: Point;
  readonly features: ChannelFeatures;
  readonly funding: Outpoint;
  readonly fundingTx: Uint8Array;
}
/** Fundee: `accept_channel` is out. */
export interface AwaitingFundingCreated {
  readonly phase: 'awaiting_funding_created';
  readonly params: Params;
  readonly remotePoint: Point;
  readonly features: ChannelFeatures;
}
/** The opening failed. */
export interface Abandoned {
  readonly phase: 'abandoned';
  readonly key: string;
  readonly fault: Fault;
}

/** Waiting for the funding transaction and both channel_ready (`lockin`), then in use, then perhaps shutting down. */
export interface Open {
  readonly phase: 'open';
  readonly core: Core;
  readonly shutdown: Shutdown;
}

/** Both shutdowns exchanged, no HTLC left: agreeing on a fee. Begins anew with each connection (`round` undefined). */
export interface Negotiating {
  readonly phase: 'negotiating';
  readonly core: Core;
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
  readonly feerates: CloseFeerates | undefined;
  readonly round: ClosingRound | undefined;
  /** The closing transaction that both signed, whole; of several the one that pays most. */
  readonly agreed: Uint8Array | undefined;
}
/** One round of closing_signed; not saved. */
export interface ClosingRound {
  readonly sent: Sat | undefined;
  readonly received: Sat | undefined;
  /** How often we have said again what we said before. */
  readonly repeats: number;
  /** What we sign in this round. It is said with our first closing_signed and holds until the connection ends. */
  readonly range: ClosingRange;
}

/** A channel that failed while its funding output is unspent. */
export interface GivenUp {
  /** What the `error` said that we sent, sent again on each reconnect. */
  readonly why: string;
  /** The peer proved that we are behind: our commitment must never be published. */
  readonly outdated: boolean;
  /** A closing transaction that both signed, whole: published before our commitment, or beside it (exits.ts). */
  readonly agreed: Uint8Array | undefined;
}

/** Given up; the funding output is not spent yet. */
export interface Failed extends GivenUp {
  readonly phase: 'failed';
  readonly core: Core;
  /** A commitment of the peer's in the mempool, which keeps ours out; not saved. */
  readonly competingCommitment?: Uint8Array | undefined;
  /** HTLCs of ours whose resolution was reported in this run, although no commitment is confirmed; not saved. */
  readonly reported?: ReadonlySet<bigint> | undefined;
}

/** The funding output is spent in the chain. */
export interface Onchain {
  readonly phase: 'onchain';
  readonly core: Core;
  readonly by: CloseType;
  readonly tx: Uint8Array;
  readonly height: number;
  /** What the channel becomes again if a reorg takes the spend out of the chain. */
  readonly before: GivenUp;
  readonly chainView: ChainView;
}

/** What is remembered of the transaction that closed a channel. */
export interface FinalSpend {
  readonly txid: Txid;
  /** Undefined where it spends more than the funding output, so that its fee is not known. */
  readonly fee: Sat | undefined;
  /** Height of its block. */
  readonly height: number;
}

/** Irrevocably resolved. */
export interface Closed {
  readonly phase: 'closed';
  readonly core: Core;
  readonly by: CloseType;
  /** The transaction that spent the funding output; undefined for a channel that an older version closed. */
  readonly spend?: FinalSpend | undefined;
}

export type Opening = AwaitingAccept | AwaitingFunding | AwaitingFundingSigned | AwaitingFundingCreated;
export type Funded = Open | Negotiating | Failed | Onchain | Closed;
export type ChannelState = Opening | Abandoned | Funded;

/** Bounds for the feerate of a closing transaction, sat per 1,000 weight. */
export interface CloseFeerates {
  readonly min: number;
  readonly max: number;
}

/** Fees between which we sign, and the one we would choose. */
export interface ClosingRange {
  readonly min: Sat;
  readonly ideal: Sat;
  readonly max: Sat;
}

/** What a backup keeps of a channel: enough to find its money and to derive every key of ours. */
export interface StaticChannel {
  readonly params: Params;
  readonly funding: Outpoint;
}

/** Which transaction spent the funding output, as far as we can tell (BOLT 5). */
export type CloseType = 'mutual' | 'local' | 'remote' | 'remote_next' | 'revoked' | 'unknown' | 'unrecognized';
