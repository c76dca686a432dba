/** What a channel reports to the rest of the node: how HTLCs were resolved, why one was not offered, what became of the channel. */

import type { ChannelId, Msat, PaymentHash, Point, Preimage, ShortChannelId, Txid } from '../../wire/units.ts';
import type { Outpoint } from '../tx/funding.ts';
import type { Fault } from './errors.ts';
import type { CloseType, StaticChannel } from './state.ts';

/** How an HTLC that we offered ended. */
export type Resolution =
  | { readonly kind: 'fulfilled'; readonly preimage: Preimage }
  | { readonly kind: 'failed'; readonly reason: Uint8Array }
  | { readonly kind: 'malformed'; readonly failureCode: number; readonly sha256OfOnion: Uint8Array }
  /** The channel was closed with it, and nobody claimed it: we have it back, or it was too small for an output. */
  | { readonly kind: 'timed_out' };

/** Why an HTLC was not offered, or was withdrawn before it was committed. */
export type OfferRefusal =
  | { readonly code: 'not_ready' }
  | { readonly code: 'disconnected' }
  /** The peer's revoke_and_ack is overdue. */
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

/** Why a channel is not closed as the caller asked. */
export type CloseRefusal =
  /** BOLT 2 allows no such shutdown script, or the peer lacks option_shutdown_anysegwit. */
  | { readonly code: 'script_not_allowed' | 'script_not_known_to_peer' }
  /** Needs option_shutdown_anysegwit, and the peer is offline, so its features are not known. */
  | { readonly code: 'script_unsure' }
  /** upfront_shutdown_script binds us to this script. */
  | { readonly code: 'script_bound'; readonly script: Uint8Array }
  /** A close to this script is under way. */
  | { readonly code: 'script_stands'; readonly script: Uint8Array }
  /** The channel is being force-closed, or is closed: no script can be chosen. */
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
       * To be failed back even where its preimage is known: it exceeds the dust exposure limit, or the funding transaction is not
       * confirmed.
       */
      readonly overexposed: boolean;
      /** To be failed back: the commitment pays too little to be mined before the HTLC expires. */
      readonly underpaid: boolean;
      /** The channel has failed: a preimage still claims the HTLC on chain, but it must not be forwarded any more. */
      readonly givenUp: boolean;
      /** We sent `shutdown` before it was committed: not to be forwarded (BOLT 2). */
      readonly closing: boolean;
    }
  /** Fulfilled: as soon as the preimage is known. Failed or malformed: once the HTLC is gone from both sides for good. */
  | { readonly event: 'resolved'; readonly id: bigint; readonly origin: Uint8Array; readonly result: Resolution }
  /** An incoming HTLC is gone for good: removed from both commitments, or resolved on chain. Not reported again. */
  | { readonly event: 'settled'; readonly id: bigint }
  | { readonly event: 'offer_refused'; readonly origin: Uint8Array; readonly why: OfferRefusal }
  /** Either side began to close cooperatively. */
  | { readonly event: 'shutting_down'; readonly by: 'us' | 'peer' }
  /** A cooperative close is agreed. */
  | { readonly event: 'closing'; readonly tx: Uint8Array; readonly txid: Txid }
  /** The close asked for was refused. */
  | { readonly event: 'close_refused'; readonly why: CloseRefusal }
  /** The agreed closing transaction was broadcast. */
  | { readonly event: 'closing_offered' }
  /** The funding output was spent; reported again when a reorg brought another spend. */
  | { readonly event: 'spent'; readonly by: CloseType; readonly txid: Txid; readonly height: number }
  /** Irrevocably resolved (BOLT 5): the channel is forgotten. */
  | { readonly event: 'closed' }
  /** The peer sent a `warning`, or an `error` before channel_reestablish. */
  | { readonly event: 'warned'; readonly text: string }
  /** The opening failed, or its funding will never confirm as agreed: no coins moved, and no record is left. */
  | {
      readonly event: 'abandoned';
      readonly fault: Fault;
      /** A forgotten channel whose funding, if it confirms after all, would pay us push_msat. */
      readonly pushed?: StaticChannel | undefined;
    }
  /** The channel failed; `broadcast` says whether our commitment was published (not where it may be outdated). */
  | { readonly event: 'failed'; readonly fault: Fault; readonly broadcast: boolean };
