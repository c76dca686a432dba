/**
 * What goes into a channel and what comes out, as plain values: requests that create one, inputs, effects, events, and the
 * little of the world it is told. Effects are performed strictly in order; a `save` stands before what depends on it.
 *
 * What a caller can rely on across restarts: nothing that was not signed to the peer is kept, and whoever asked for it is told
 * again. An incoming HTLC is `received` again on `restored` until its removal has been signed; an outgoing one that the
 * peer never got a signature for is `offer_refused`, and one whose resolution is known is `resolved` again until `acknowledge`.
 */
import type { Claim } from './claim.ts';
import type { Wait } from './waitlimits.ts';

export type { CloseType } from './state.ts';

import type { Change } from '../../wire/change.ts';
import type { Message, MessageNameFor } from '../../wire/message.ts';
import type {
  ChainHash,
  ChannelId,
  Msat,
  PaymentHash,
  Point,
  Preimage,
  Sat,
  ShortChannelId,
  Txid,
} from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { ChannelSecrets } from '../tx/keys.ts';
import type { ChannelFeatures, ChannelType } from './channeltype.ts';
import type { ChannelEvent } from './events.ts';
import type { ChannelState, CloseFeerates, PastHtlc } from './state.ts';

export type { ChannelEvent, OfferRefusal, Resolution } from './events.ts';

/** A state and what the world must do, in this order. */
export type Step = readonly [next: ChannelState, effects: readonly Effect[]];

/** What a channel may know of the world. Feerates are satoshi per 1,000 weight. */
export interface Context {
  /** Height of the best block. */
  readonly height: number;
  /** The height when peers could first reach this run of the node, infinite before; undefined: long ago. */
  readonly reachableSince?: number;
  /** Our estimate for a transaction that confirms soon. */
  readonly feerate: number;
  /** The highest estimate of the last day or two: the most that a commitment may fairly pay. */
  readonly highestFeerate: number;
  /** The chain's own estimate; zero where it has none and `feerate` is only our guess. */
  readonly neededFeerate: number;
  /** The lowest `neededFeerate` over the time a funder gets to follow it; zero while that is not known. */
  readonly steadyFeerate: number;
  /** The least that is relayed now, and the least that was within the last day or two. */
  readonly relayFeerate: number;
  readonly lowestRelayFeerate: number;
  /** The bounds within which we let a peer choose a commitment's feerate. */
  readonly minFeerate: number;
  readonly maxFeerate: number;
}

/** What we ask of a channel; each bounds the other side, but for the dust limit, which shapes our own commitment. */
export interface LocalLimits {
  /** At least 354 sat. */
  readonly dustLimit: Sat;
  readonly maxHtlcValueInFlight: Msat;
  readonly htlcMinimum: Msat;
  /** Blocks that the peer's own outputs wait on its commitment. */
  readonly toSelfDelay: number;
  /** At most 483. */
  readonly maxAcceptedHtlcs: number;
  /** Confirmations of the funding transaction that we wait for when we are the fundee. */
  readonly minimumDepth: number;
}

interface Request {
  /** The node's own name for the channel, as the prefix of its records. */
  readonly key: string;
  /** 32 secret random bytes: every key of the channel is derived from them. */
  readonly seed: Uint8Array;
  /** Secrets to use instead of those derived from the seed (tests and experiments only). */
  readonly forced?: ChannelSecrets | undefined;
  readonly peer: Point;
  readonly chainHash: ChainHash;
  readonly features: ChannelFeatures;
  readonly limits: LocalLimits;
  /** Where our balance goes in a cooperative close. */
  readonly shutdownScript: Uint8Array;
  /** Whether to send upfront_shutdown_script, where the peer supports the option. */
  readonly upfront: boolean;
  /** From alias.ts, unique among our channels: sent to peers that support option_scid_alias. */
  readonly alias: ShortChannelId;
}

/** A request to open a channel as the funder. */
export interface OpenRequest extends Request {
  /** 32 random bytes. */
  readonly temporaryChannelId: ChannelId;
  readonly amount: Sat;
  /** push_msat: given to the peer at the opening. */
  readonly push: Msat;
  /** Of the commitments, sat per 1,000 weight; undefined: what the chain asks for now. */
  readonly feerate?: number | undefined;
  /** Of the funding transaction, sat per 1,000 weight. */
  readonly fundingFeerate: number;
  readonly announce: boolean;
  /** The kind of channel wanted; undefined: the best that both know. */
  readonly channelType?: ChannelType | undefined;
}

/** What a fundee adds to the peer's `open_channel`. */
export interface AcceptRequest extends Request {
  /** Smaller channels are refused. */
  readonly minimumAmount: Sat;
  /** Whether a peer that knows anchors may open a channel without. */
  readonly allowStaticRemotekey: boolean;
}

/** Every message that a channel takes; the node passes each by its channel_id (an `error` for all ids to each channel). */
export type ChannelMessageName = MessageNameFor<'opening' | 'temporary_channel' | 'channel' | 'channel_or_all'>;
export type ChannelMessage = Extract<Message, { name: ChannelMessageName }>;
export type ChannelMessageOf<K extends ChannelMessageName> = Extract<ChannelMessage, { name: K }>;

export type Input =
  | { readonly type: 'message'; readonly message: ChannelMessage }
  /** Answer to `fund`: a signed transaction nobody else has seen, all inputs segwit, and the output that pays the script. */
  | { readonly type: 'funding_created_by_wallet'; readonly tx: Uint8Array; readonly output: number }
  /** The other answer to `fund`. */
  | { readonly type: 'funding_refused'; readonly reason: string }
  /**
   * The funding output is this deep; told once it has the depth asked for (100 where its transaction is a coinbase, `txIndex` 0),
   * again when it moved to another block.
   */
  | {
      readonly type: 'funding_depth';
      readonly depth: number;
      readonly height: number;
      readonly txIndex: number;
      readonly amount: Sat;
      readonly script: Uint8Array;
    }
  /** The funding transaction is not in the chain, or no more: told when a reorg took it out, and after `restored`. */
  | { readonly type: 'funding_unconfirmed' }
  /** The channel waits for the peer's funding and has to make room for other openings. */
  | { readonly type: 'displaced' }
  /** Another transaction has spent what our funding transaction spends; its own block counts. Told with every block. */
  | { readonly type: 'funding_double_spent'; readonly depth: number }
  /** A confirmed transaction spends the funding output. */
  | { readonly type: 'funding_spent'; readonly tx: Uint8Array; readonly height: number }
  /** No transaction of the chain spends it: a reorg took the spend out. Also told, instead of a spend, after `restored`. */
  | { readonly type: 'funding_unspent' }
  /** A transaction spends an output of `watch_outputs`; `height` is undefined while it is in the mempool only (`watch_mempool`). */
  | {
      readonly type: 'output_spent';
      readonly outpoint: Outpoint;
      readonly tx: Uint8Array;
      readonly height: number | undefined;
    }
  /** A reorg took that spend out of the chain. */
  | { readonly type: 'output_unspent'; readonly outpoint: Outpoint }
  /** Answer to `load_past`. */
  | { readonly type: 'past_loaded'; readonly htlcs: readonly PastHtlc[] }
  | { readonly type: 'block'; readonly height: number }
  /** The peer is there and `init` was exchanged. */
  | { readonly type: 'connected'; readonly features: ChannelFeatures }
  | { readonly type: 'disconnected' }
  /** The time limit of a wait is over; ignored where the channel no longer waits for it. */
  | { readonly type: 'overdue'; readonly wait: Wait; readonly seconds: number }
  /**
   * Result of the last broadcast of the closing that both signed: accepted or already known, refused, or undefined where the
   * backend did not answer or lacks the funding transaction.
   */
  | { readonly type: 'closing_offered'; readonly taken: boolean | undefined }
  /** The state was just read from the store. Comes once, before anything else. */
  | { readonly type: 'restored' }
  /** Offer an HTLC. `origin` comes back with its resolution, uninterpreted; `onion` has 1,366 bytes. */
  | {
      readonly type: 'offer';
      readonly amount: Msat;
      readonly paymentHash: PaymentHash;
      readonly expiry: number;
      readonly onion: Uint8Array;
      readonly origin: Uint8Array;
      readonly pathKey?: Point | undefined;
    }
  /** Remove an HTLC that was `received`. An id that is unknown or already being removed is ignored, so this may be repeated. */
  | { readonly type: 'fulfill'; readonly id: bigint; readonly preimage: Preimage }
  | { readonly type: 'fail'; readonly id: bigint; readonly reason: Uint8Array }
  | {
      readonly type: 'fail_malformed';
      readonly id: bigint;
      readonly sha256OfOnion: Uint8Array;
      readonly failureCode: number;
    }
  /**
   * The node has durably handled `resolved`; it need not be reported again. A forwarder acknowledges only once the incoming HTLC is
   * `settled` (or gone from its channel after a restart): until then this channel holds the only durable copy of the resolution.
   */
  | { readonly type: 'acknowledge'; readonly id: bigint }
  /**
   * Funder only: change the commitments' feerate, to what the chain asks for now unless one is given; ignored where it cannot
   * be afforded.
   */
  | { readonly type: 'update_fee'; readonly feerate?: number | undefined }
  /** Send `commitment_signed` now; given when the queue has run empty (`whenIdle`), so that updates share a signature. */
  | { readonly type: 'sign' }
  /** Derive the keys of the next commitments ahead of time; no visible change. */
  | { readonly type: 'prepare' }
  /** Close cooperatively; `script` only counts where we are not bound by an upfront one. */
  | {
      readonly type: 'close';
      readonly script?: Uint8Array | undefined;
      readonly feerates?: CloseFeerates | undefined;
    }
  /** Force-close: publish our commitment. */
  | { readonly type: 'force_close' };

export type Effect =
  | { readonly do: 'save'; readonly changes: readonly Change[] }
  | { readonly do: 'send'; readonly message: ChannelMessage }
  /** Have the wallet make (not publish) a transaction that pays `amount` to `script`; answer with an input. */
  | { readonly do: 'fund'; readonly amount: Sat; readonly script: Uint8Array; readonly feerate: number }
  /** Tell `funding_depth` when the output is at least `depth` deep, and from then on `funding_spent`. Asked again on `restored`. */
  | {
      readonly do: 'watch_funding';
      readonly txid: Txid;
      readonly output: number;
      readonly amount: Sat;
      readonly script: Uint8Array;
      readonly depth: number;
    }
  | { readonly do: 'broadcast'; readonly tx: Uint8Array; readonly why: 'funding' | 'commitment' | 'closing' }
  /**
   * Tell `output_spent` and `output_unspent` of these from now on; they are outputs of transactions of a block at `since`.
   * Asked again on `restored` and after a reorg: what was told last is then told again.
   */
  | { readonly do: 'watch_outputs'; readonly outpoints: readonly Outpoint[]; readonly since: number }
  /** Tell `output_spent`, without a height, when a transaction in the mempool spends this. Asked again on `restored`. */
  | { readonly do: 'watch_mempool'; readonly outpoint: Outpoint }
  /** All claims of the channel now; replaces the earlier ones. Sent again on `restored`. */
  | { readonly do: 'claims'; readonly claims: readonly Claim[] }
  /** Read this channel's records of HTLCs that are over; answer with those of the peer's commitment `number` (`pastAt`). */
  | { readonly do: 'load_past'; readonly number: number }
  /** End the connection once what was sent is out. */
  | { readonly do: 'disconnect'; readonly why: string }
  | { readonly do: 'report'; readonly event: ChannelEvent };
