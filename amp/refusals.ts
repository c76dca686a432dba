/**
 * Which failure each refusal sends back. BOLT 4 wants a payee to tell a stranger as little as possible: nearly everything is
 * the same `incorrect_or_unknown_payment_details`, and only what a forwarder did wrong, time, and our own bounds have names of their own.
 */
import type { Failure } from '../onion/failuremessages.ts';
import type { Msat } from '../wire/units.ts';
import type { Refusal } from './events.ts';

type Answer =
  | 'incorrect_or_unknown_payment_details'
  | 'final_incorrect_htlc_amount'
  | 'final_incorrect_cltv_expiry'
  | 'mpp_timeout'
  | 'temporary_node_failure';

const answers = {
  amount_below_onion: 'final_incorrect_htlc_amount',
  expiry_below_onion: 'final_incorrect_cltv_expiry',
  expiry_too_near: 'incorrect_or_unknown_payment_details',
  mixed_blobs: 'incorrect_or_unknown_payment_details',
  bad_marker: 'incorrect_or_unknown_payment_details',
  no_payment_secret: 'incorrect_or_unknown_payment_details',
  wrong_payment_secret: 'incorrect_or_unknown_payment_details',
  no_open_invoice: 'incorrect_or_unknown_payment_details',
  spontaneous_refused: 'incorrect_or_unknown_payment_details',
  duplicate_hash: 'incorrect_or_unknown_payment_details',
  already_settled: 'incorrect_or_unknown_payment_details',
  not_needed: 'incorrect_or_unknown_payment_details',
  set_mismatch: 'incorrect_or_unknown_payment_details',
  count_mismatch: 'incorrect_or_unknown_payment_details',
  total_mismatch: 'incorrect_or_unknown_payment_details',
  wrong_hash: 'incorrect_or_unknown_payment_details',
  wrong_root: 'incorrect_or_unknown_payment_details',
  below_amount_asked: 'incorrect_or_unknown_payment_details',
  above_twice_amount_asked: 'incorrect_or_unknown_payment_details',
  timeout: 'mpp_timeout',
  htlc_lost: 'incorrect_or_unknown_payment_details',
  too_many_shares: 'incorrect_or_unknown_payment_details',
  too_many_sets: 'temporary_node_failure',
  too_many_sets_of_peer: 'temporary_node_failure',
  unclaimable: 'temporary_node_failure',
  too_many_sets_of_invoice: 'temporary_node_failure',
  gave_way: 'temporary_node_failure',
  share_below_minimum: 'incorrect_or_unknown_payment_details',
  // BOLT 4 has `expiry_too_far` for forwarders alone.
  expiry_too_far: 'incorrect_or_unknown_payment_details',
  already_failed: 'incorrect_or_unknown_payment_details',
  duplicate_index: 'incorrect_or_unknown_payment_details',
  too_many_blobs: 'incorrect_or_unknown_payment_details',
  bad_set_id: 'incorrect_or_unknown_payment_details',
} as const satisfies Record<Refusal, Answer>;

/** Whether a payer may send the same again: what was in the way is ours, and may pass. */
export const isTemporary = (why: Refusal): boolean => answers[why] === 'temporary_node_failure';

/** Every refusal, in an order that is also its number on disk: new ones go to the end. */
export const refusals = Object.keys(answers) as readonly Refusal[];

/** The failure for an HTLC of this amount and expiry, at this best block. */
export const failureOf = (why: Refusal, amount: Msat, expiry: number, height: number): Failure => {
  const name: Answer = answers[why];
  switch (name) {
    case 'incorrect_or_unknown_payment_details':
      return { name, htlc_msat: amount, height };
    case 'final_incorrect_htlc_amount':
      return { name, incoming_htlc_amt: amount };
    case 'final_incorrect_cltv_expiry':
      return { name, cltv_expiry: expiry };
    case 'mpp_timeout':
    case 'temporary_node_failure':
      return { name };
  }
};
