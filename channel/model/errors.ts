/**
 * Every fault of a channel, by peer, caller or chain: a code and its data. One table says how we react within BOLT 1 and BOLT 2
 * (`warning`, `error`, failing the channel); a code without a row does not compile. A fault never affects another channel.
 */
import { hex } from '../../wire/bytes.ts';
import { clipped, MAX_ERROR_BYTES, MAX_REASON_BYTES } from '../../wire/printable.ts';
import type { Msat, Sat } from '../../wire/units.ts';
import type { SignatureFault } from '../tx/signing.ts';

/** Fields of open_channel and accept_channel that can be refused, by their BOLT names. */
export type TermsField =
  | 'chain_hash'
  | 'funding_satoshis'
  | 'push_msat'
  | 'dust_limit_satoshis'
  | 'max_htlc_value_in_flight_msat'
  | 'channel_reserve_satoshis'
  | 'htlc_minimum_msat'
  | 'feerate_per_kw'
  | 'minimum_depth'
  | 'to_self_delay'
  | 'max_accepted_htlcs'
  | 'basepoints'
  | 'channel_type'
  | 'upfront_shutdown_script';

/** The transaction that a wrong signature should have signed, without its witness. */
interface Disputed {
  readonly tx?: Uint8Array;
}

export type Fault =
  /** A parameter of the opening is not acceptable. */
  | { readonly code: 'unacceptable_terms'; readonly field: TermsField; readonly got: string; readonly expected: string }
  | { readonly code: 'unexpected_message'; readonly message: string; readonly phase: string }
  | { readonly code: 'funding_refused'; readonly reason: string }
  | ({ readonly code: 'invalid_funding_signature' } & Disputed)
  | { readonly code: 'wrong_funding_output' }
  | { readonly code: 'funding_timeout'; readonly blocks: number }
  /** Dropped to make room for other openings: its funding transaction was never seen. */
  | { readonly code: 'funding_unseen' }
  | { readonly code: 'funding_double_spent' }
  | { readonly code: 'opening_timeout'; readonly seconds: number }
  /** The peer did not send an expected message in time. */
  | { readonly code: 'peer_silent'; readonly awaited: string; readonly seconds: number }
  | { readonly code: 'channel_ready_timeout'; readonly blocks: number }
  /** The peer keeps asking for a feerate that we refuse. */
  | { readonly code: 'fee_timeout'; readonly refused: string; readonly blocks: number }
  | { readonly code: 'close_timeout'; readonly awaited: string; readonly blocks: number }
  /** An HTLC that we offered waited too long for our signature and must not be signed any more. */
  | { readonly code: 'offer_withdrawn'; readonly id: bigint; readonly why: string }
  | { readonly code: 'disconnected_while_opening' }
  | { readonly code: 'invalid_point'; readonly field: string }
  | { readonly code: 'htlc_id_out_of_order'; readonly expected: bigint; readonly got: bigint }
  | { readonly code: 'htlc_below_minimum'; readonly amount: Msat; readonly minimum: Msat }
  | { readonly code: 'htlc_expiry_in_seconds'; readonly expiry: number }
  | { readonly code: 'too_many_htlcs'; readonly limit: number }
  | { readonly code: 'too_much_in_flight'; readonly limit: Msat }
  | { readonly code: 'cannot_afford_htlc'; readonly id: bigint; readonly missing: Msat }
  /** Far beyond the dust exposure limit, although earlier HTLCs were failed back for it. */
  | { readonly code: 'htlc_overexposes'; readonly id: bigint; readonly limit: Msat }
  | { readonly code: 'htlc_after_shutdown'; readonly id: bigint }
  | { readonly code: 'unknown_htlc'; readonly id: bigint }
  | { readonly code: 'htlc_already_ended'; readonly id: bigint }
  | { readonly code: 'wrong_preimage'; readonly id: bigint }
  | { readonly code: 'malformed_without_badonion'; readonly id: bigint; readonly failureCode: number }
  | { readonly code: 'fee_from_fundee' }
  | { readonly code: 'feerate_out_of_range'; readonly feerate: number; readonly min: number; readonly max: number }
  | { readonly code: 'cannot_afford_fee'; readonly feerate: number; readonly missing: Msat }
  | { readonly code: 'fee_overexposes'; readonly feerate: number; readonly limit: Msat }
  | (SignatureFault & Disputed)
  | { readonly code: 'unexpected_revocation' }
  | { readonly code: 'wrong_revocation_secret'; readonly commitment: number }
  | { readonly code: 'invalid_shutdown_script' }
  | { readonly code: 'shutdown_script_changed' }
  | ({ readonly code: 'invalid_closing_signature'; readonly fee: Sat } & Disputed)
  | { readonly code: 'closing_output_dust'; readonly fee: Sat }
  | { readonly code: 'closing_fee_out_of_range'; readonly fee: Sat; readonly min: Sat; readonly max: Sat }
  | { readonly code: 'closing_fee_no_progress'; readonly fee: Sat }
  | { readonly code: 'closing_ranges_disjoint' }
  /** Without fee_range: the peer asks for a fee that we never sign, and we have come as close as we may. */
  | { readonly code: 'closing_fee_refused'; readonly fee: Sat; readonly min: Sat; readonly max: Sat }
  /** The highest fee we may sign is below the current relay minimum. */
  | { readonly code: 'closing_fee_not_relayed'; readonly fee: Sat; readonly least: Sat }
  /** The caller of `close` changed the allowed fees. */
  | { readonly code: 'closing_fees_changed' }
  /** Too many different closing transactions were signed. */
  | { readonly code: 'too_many_closings'; readonly limit: number }
  /** A closing that both signed was not confirmed within this many blocks. */
  | { readonly code: 'closing_not_mined'; readonly blocks: number }
  /** The peer proved that our state is outdated (option_data_loss_protect). */
  | { readonly code: 'we_are_behind'; readonly theirs: number; readonly ours: number }
  /** The channel was restored from a static backup: its state is lost. */
  | { readonly code: 'data_lost' }
  | { readonly code: 'peer_is_behind'; readonly theirs: number; readonly ours: number }
  | { readonly code: 'reestablish_impossible'; readonly field: string; readonly expected: string; readonly got: string }
  /** your_last_per_commitment_secret does not match next_revocation_number. */
  | { readonly code: 'reestablish_wrong_secret'; readonly next: number }
  | { readonly code: 'reestablish_zero' }
  | { readonly code: 'peer_error'; readonly text: string }
  | { readonly code: 'force_close' }
  | { readonly code: 'htlc_deadline'; readonly id: bigint; readonly expiry: number }
  /** The commitment has no anchors and pays too little to be mined before this HTLC expires. */
  | {
      readonly code: 'commitment_underpaid';
      readonly feerate: number;
      readonly estimate: number;
      readonly id: bigint;
      readonly expiry: number;
    };

/**
 * - `warn_and_disconnect`: nothing irrevocable happened; a reconnect begins from what both signed.
 * - `fail_channel`: `error`, and our commitment goes on chain (an opening is forgotten instead).
 * - `fail_silently`: as `fail_channel`, but the peer already said `error`.
 * - `ask_peer`: `error`, but never our commitment: it may be revoked.
 * - `ignore`: harmless.
 */
export type Reaction = 'warn_and_disconnect' | 'fail_channel' | 'fail_silently' | 'ask_peer' | 'ignore';

/** BOLT 2's reaction to each fault; where it leaves a choice, the one that does not close a channel for a peer's mistake. */
export const reactions = {
  unacceptable_terms: 'fail_channel',
  unexpected_message: 'warn_and_disconnect',
  funding_refused: 'fail_channel',
  invalid_funding_signature: 'fail_channel',
  wrong_funding_output: 'fail_channel',
  funding_timeout: 'fail_channel',
  funding_unseen: 'fail_channel',
  funding_double_spent: 'fail_channel',
  opening_timeout: 'fail_channel',
  peer_silent: 'warn_and_disconnect',
  channel_ready_timeout: 'fail_channel',
  fee_timeout: 'fail_channel',
  close_timeout: 'fail_channel',
  offer_withdrawn: 'warn_and_disconnect',
  disconnected_while_opening: 'ignore',
  invalid_point: 'fail_channel',
  htlc_id_out_of_order: 'warn_and_disconnect',
  htlc_below_minimum: 'warn_and_disconnect',
  htlc_expiry_in_seconds: 'warn_and_disconnect',
  too_many_htlcs: 'warn_and_disconnect',
  too_much_in_flight: 'warn_and_disconnect',
  cannot_afford_htlc: 'warn_and_disconnect',
  htlc_overexposes: 'warn_and_disconnect',
  htlc_after_shutdown: 'warn_and_disconnect',
  unknown_htlc: 'warn_and_disconnect',
  htlc_already_ended: 'warn_and_disconnect',
  wrong_preimage: 'warn_and_disconnect',
  malformed_without_badonion: 'warn_and_disconnect',
  fee_from_fundee: 'warn_and_disconnect',
  feerate_out_of_range: 'warn_and_disconnect',
  cannot_afford_fee: 'warn_and_disconnect',
  fee_overexposes: 'warn_and_disconnect',
  invalid_commitment_signature: 'fail_channel',
  htlc_signature_count: 'fail_channel',
  invalid_htlc_signature: 'fail_channel',
  unexpected_revocation: 'fail_channel',
  wrong_revocation_secret: 'fail_channel',
  invalid_shutdown_script: 'warn_and_disconnect',
  shutdown_script_changed: 'warn_and_disconnect',
  invalid_closing_signature: 'fail_channel',
  closing_output_dust: 'fail_channel',
  closing_fee_out_of_range: 'fail_channel',
  closing_fee_no_progress: 'warn_and_disconnect',
  closing_ranges_disjoint: 'warn_and_disconnect',
  closing_fee_refused: 'warn_and_disconnect',
  closing_fee_not_relayed: 'warn_and_disconnect',
  closing_fees_changed: 'warn_and_disconnect',
  too_many_closings: 'fail_channel',
  closing_not_mined: 'fail_channel',
  we_are_behind: 'ask_peer',
  data_lost: 'ask_peer',
  peer_is_behind: 'fail_channel',
  reestablish_impossible: 'fail_channel',
  reestablish_wrong_secret: 'fail_channel',
  reestablish_zero: 'fail_channel',
  peer_error: 'fail_silently',
  force_close: 'fail_channel',
  htlc_deadline: 'fail_channel',
  commitment_underpaid: 'fail_channel',
} as const satisfies Record<Fault['code'], Reaction>;

/** The fault as peer and operator read it: its code and data, without secrets, clipped to fit a record. */
export const faultText = (fault: Fault): string => {
  const { code, ...data } = fault;
  const fields = Object.entries(data).flatMap(([name, value]) => (name === 'tx' ? [] : [`${name} ${value}`]));
  return clipped(fields.length === 0 ? code : `${code}: ${fields.join(', ')}`, MAX_REASON_BYTES);
};

/**
 * The fault as an `error` says it. BOLT 1: where a signature is wrong, with the transaction that it was to be of, in hex, so that
 * the other end can see where the two differ; not where that is too long for a message.
 */
export const errorText = (fault: Fault): string => {
  const short = faultText(fault);
  if (!('tx' in fault) || fault.tx === undefined) return short;
  const whole = `${short}; not a signature of ${hex(fault.tx)}`;
  return whole.length <= MAX_ERROR_BYTES ? whole : short;
};

/** A rule of the channel was broken; `reactions` says what follows. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(faultText(fault));
    this.fault = fault;
  }
}
