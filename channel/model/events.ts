/** What a channel tells the rest of the node: how HTLCs ended, why one was not offered, what became of the channel. */

import type { ChannelId, Msat, PaymentHash, Point, Preimage, ShortChannelId, Txid } from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { Fault } from './errors.ts';
import type { CloseType, StaticChannel } from './state.ts';

/** How an HTLC that we offered ended. */
export type Resolution =
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage }
  | { readonly kind: 'failed'; readonly reason: Uint8Array }
  | { readonly kind: 'malformed'; readonly failureCode: number; readonly sha256OfOnion: Uint8Array }
  /** The channel went on chain with it and nobody claimed it there: it is ours again, or too small for anybody. */
  | { readonly kind: 'timed_out' };

/** Why an HTLC was not offered, or not for long enough to matter. */
export type OfferRefusal =
  | { readonly code: 'not_ready' }
  | { readonly code: 'disconnected' }
  /** The peer let the time for its revoke_and_ack run out, and has not sent it since. */
  | { readonly code: 'revocation_overdue' }
  | { readonly code: 'shutting_down' }
  | { readonly code: 'closed' }
  | { readonly code: 'below_minimum'; readonly minimum: Msat }
  | { readonly code: 'expiry_out_of_range'; readonly expiry: number }
  | { readonly code: 'too_many_htlcs'; readonly limit: number }
  | { readonly code: 'too_much_in_flight'; readonly limit: Msat }
  | { readonly code: 'insufficient_balance'; readonly spendable: Msat }
  | { readonly code: 'peer_cannot_pay_fee' }
  | { readonly code: 'dust_exposure'; readonly limit: Msat }
  /** The commitment pays so little that its HTLCs might expire before it is mined; sat per 1,000 weight. */
  | { readonly code: 'feerate_too_low'; readonly least: number };

/** Why a channel is not closed as its caller wants. */
export type CloseRefusal =
  /** No peer may be asked to pay to it (BOLT 2), or this one may not: it does not know option_shutdown_anysegwit. */
  | { readonly code: 'script_not_allowed' | 'script_not_known_to_peer' }
  /** Only some peers may be asked to, and nobody knows whether this one, which is away, is one of them. */
  | { readonly code: 'script_unsure' }
  /** The channel was opened to pay to this one. */
  | { readonly code: 'script_bound'; readonly script: Uint8Array }
  /** A close is under way, and pays to this one. */
  | { readonly code: 'script_stands'; readonly script: Uint8Array }
  /** The channel ends otherwise, and pays to nothing that a caller could name. */
  | { readonly code: 'ends_otherwise' };

export type ChannelEvent =
  /** The funding transaction is agreed: the channel has its real id and is saved. */
  | { readonly event: 'opening'; readonly channelId: ChannelId; readonly funding: Outpoint }
  /** HTLCs may flow. Told again on `restored`, and when a reorg changed the scid. */
  | { readonly event: 'ready'; readonly scid: ShortChannelId; readonly peerAlias: ShortChannelId | undefined }
  /** The peer's HTLC is irrevocably committed on both sides: to be forwarded, fulfilled or failed. */
  | {
      readonly event: 'received';
      readonly id: bigint;
      readonly amount: Msat;
      readonly paymentHash: PaymentHash;
      readonly expiry: number;
      readonly onion: Uint8Array;
      readonly pathKey: Point | undefined;
      /**
       * To be failed, its preimage kept: it is too small for an output and with others like it beyond what we risk, or the
       * funding is not in the chain, where no output is worth anything.
       */
      readonly overexposed: boolean;
      /** To be failed, its preimage kept: the commitment pays too little to be mined in time for it. */
      readonly underpaid: boolean;
      /** Its channel is given up: a preimage still claims it on chain, but it must not be passed on any more. */
      readonly givenUp: boolean;
      /** We said shutdown before it was there: not to be passed on any more (BOLT 2). */
      readonly closing: boolean;
    }
  /** Fulfilled: as soon as the preimage is known. Failed or malformed: once the HTLC is gone from both sides for good. */
  | { readonly event: 'resolved'; readonly id: bigint; readonly origin: Uint8Array; readonly result: Resolution }
  /** An incoming HTLC is gone for good: from both sides, or with its output in the chain. Not told again. */
  | { readonly event: 'settled'; readonly id: bigint }
  | { readonly event: 'offer_refused'; readonly origin: Uint8Array; readonly why: OfferRefusal }
  /** Either side began to close cooperatively. */
  | { readonly event: 'shutting_down'; readonly by: 'us' | 'peer' }
  /** A cooperative close is agreed. */
  | { readonly event: 'closing'; readonly tx: Uint8Array; readonly txid: Txid }
  /** Nothing came of a wish to close. */
  | { readonly event: 'close_refused'; readonly why: CloseRefusal }
  /** The closing that is agreed was given to the network. */
  | { readonly event: 'closing_offered' }
  /** The funding output was spent; told again when a reorg brought another spend. */
  | { readonly event: 'spent'; readonly by: CloseType; readonly txid: Txid; readonly height: number }
  /** Deep enough to forget. */
  | { readonly event: 'closed' }
  /** The peer complained without failing the channel. */
  | { readonly event: 'warned'; readonly text: string }
  /** The opening came to nothing, or its funding will never be what was agreed: no coin moved, no record is left. */
  | {
      readonly event: 'abandoned';
      readonly fault: Fault;
      /** What never changes of a channel whose funding, should it confirm after all, gives us something. */
      readonly gift?: StaticChannel | undefined;
    }
  /** The channel is given up; `broadcast` says whether our commitment was published (not when it may be outdated). */
  | { readonly event: 'failed'; readonly fault: Fault; readonly broadcast: boolean };
