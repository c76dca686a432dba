/** Results: the fields Core Lightning's clients count on are there under their names, and amounts travel exactly. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Method } from '../../../node/api/method.ts';
import { kindOf } from '../../../node/api/params.ts';
import { isMethod, type MethodName, table } from '../../../node/api/table.ts';
import { msat } from '../../../wire/units.ts';
import { samples } from '../../support/api.ts';

/** Fields Core Lightning's own schemas call required, by method and the list they stand in. */
const required: readonly (readonly [method: MethodName, list: string | undefined, fields: string])[] = [
  [
    'getinfo',
    undefined,
    'id alias color num_peers num_pending_channels num_active_channels num_inactive_channels version lightning-dir ' +
      'blockheight network fees_collected_msat address binding',
  ],
  ['listfunds', 'outputs', 'txid output amount_msat scriptpubkey status reserved'],
  [
    'listfunds',
    'channels',
    'peer_id our_amount_msat amount_msat funding_txid funding_output connected state channel_id short_channel_id',
  ],
  ['connect', undefined, 'id features direction address'],
  ['listpeers', 'peers', 'id connected num_channels netaddr features'],
  ['fundchannel', undefined, 'tx txid outnum channel_id channel_type'],
  [
    'listpeerchannels',
    'channels',
    'peer_id peer_connected state opener features channel_id short_channel_id direction funding_txid funding_outnum ' +
      'private to_us_msat total_msat fee_base_msat fee_proportional_millionths dust_limit_msat their_reserve_msat ' +
      'our_reserve_msat spendable_msat receivable_msat minimum_htlc_in_msat their_to_self_delay our_to_self_delay ' +
      'max_accepted_htlcs status htlcs updates channel_type feerate closer close_to scratch_txid last_tx_fee_msat',
  ],
  [
    'listclosedchannels',
    'closedchannels',
    'peer_id channel_id short_channel_id alias opener closer private channel_type total_local_commitments ' +
      'total_remote_commitments total_htlcs_sent funding_txid funding_outnum funding_withheld leased total_msat ' +
      'final_to_us_msat last_commitment_txid last_commitment_fee_msat close_cause',
  ],
  ['listtransactions', 'transactions', 'hash rawtx blockheight txindex locktime version inputs outputs'],
  ['delinvoice', undefined, 'label bolt11 description amount_msat payment_hash status expires_at created_index'],
  ['listconfigs', undefined, 'configs'],
  ['delpay', 'payments', 'created_index id payment_hash status amount_sent_msat created_at groupid completed_at'],
  ['close', undefined, 'type txs txids'],
  ['invoice', undefined, 'bolt11 payment_hash payment_secret expires_at created_index'],
  [
    'listinvoices',
    'invoices',
    'label payment_hash status expires_at created_index description amount_msat bolt11 pay_index amount_received_msat ' +
      'paid_at payment_preimage updated_index',
  ],
  [
    'waitinvoice',
    undefined,
    'label payment_hash status expires_at created_index description amount_msat bolt11 pay_index amount_received_msat ' +
      'paid_at payment_preimage',
  ],
  [
    'waitanyinvoice',
    undefined,
    'label payment_hash status expires_at created_index description amount_msat bolt11 pay_index amount_received_msat ' +
      'paid_at payment_preimage',
  ],
  [
    'decode',
    undefined,
    'type valid currency created_at expiry payee payment_hash signature min_final_cltv_expiry amount_msat description ' +
      'description_hash payment_secret features payment_metadata fallbacks routes extra',
  ],
  [
    'pay',
    undefined,
    'payment_preimage payment_hash created_at parts amount_msat amount_sent_msat status destination ' +
      'warning_partial_completion',
  ],
  [
    'keysend',
    undefined,
    'payment_preimage payment_hash created_at parts amount_msat amount_sent_msat status destination',
  ],
  [
    'listpays',
    'pays',
    'payment_hash status created_at created_index destination completed_at label bolt11 description amount_msat ' +
      'amount_sent_msat preimage number_of_parts erroronion',
  ],
  ...(['sendpay', 'sendonion', 'waitsendpay'] as const).map(
    (name) =>
      [
        name,
        undefined,
        'created_index id payment_hash status created_at amount_sent_msat amount_msat destination groupid partid completed_at ' +
          'label bolt11 payment_preimage',
      ] as const,
  ),
  [
    'listsendpays',
    'payments',
    'created_index id payment_hash status created_at amount_sent_msat amount_msat destination groupid partid completed_at ' +
      'label bolt11 description payment_preimage erroronion',
  ],
  ['getroute', 'route', 'id channel direction amount_msat delay style'],
  ['getroutes', 'routes', 'probability_ppm amount_msat final_cltv path'],
  ['createonion', undefined, 'onion shared_secrets'],
  ['help', 'help', 'command'],
  ['listhtlcs', 'htlcs', 'short_channel_id id expiry direction amount_msat payment_hash state'],
  [
    'listforwards',
    'forwards',
    'created_index in_channel in_htlc_id in_msat status style received_time resolved_time out_channel out_htlc_id ' +
      'out_msat fee_msat failcode failreason',
  ],
  [
    'setchannel',
    'channels',
    'peer_id channel_id short_channel_id fee_base_msat fee_proportional_millionths ignore_fee_limits ' +
      'minimum_htlc_out_msat warning_htlcmin_too_low maximum_htlc_out_msat warning_htlcmax_too_high',
  ],
  ['waitblockheight', undefined, 'blockheight'],
  ['feerates', 'perkb', 'min_acceptable max_acceptable floor estimates opening mutual_close unilateral_close penalty'],
  ['feerates', 'perkw', 'min_acceptable max_acceptable floor estimates unilateral_anchor_close'],
  [
    'feerates',
    'onchain_fee_estimates',
    'opening_channel_satoshis mutual_close_satoshis unilateral_close_satoshis unilateral_close_nonanchor_satoshis ' +
      'htlc_timeout_satoshis htlc_success_satoshis',
  ],
  ['signmessage', undefined, 'signature recid zbase'],
  ['checkmessage', undefined, 'verified pubkey'],
  ['ping', undefined, 'totlen'],
  ['sendcustommsg', undefined, 'status'],
  ['xpay', undefined, 'payment_preimage failed_parts successful_parts amount_msat amount_sent_msat'],
  [
    'decodepay',
    undefined,
    'currency created_at expiry payee amount_msat payment_hash signature description description_hash ' +
      'min_final_cltv_expiry payment_secret features payment_metadata fallbacks routes extra',
  ],
  ['setconfig', 'config', 'config source dynamic value_str'],
  ['stop', undefined, 'result'],
];

const inner = (schema: unknown): unknown =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? inner(schema.unwrap())
    : schema instanceof z.ZodArray
      ? inner(schema.element)
      : schema;

/** Every field of a schema and those below, as path and schema. */
const walk = (schema: unknown, path: string): readonly (readonly [string, unknown])[] => {
  const bare = inner(schema);
  return bare instanceof z.ZodObject
    ? Object.entries(bare.shape).flatMap(([name, field]) => walk(field, `${path}.${name}`))
    : [[path, bare]];
};

describe('results', () => {
  test.each(required)('%s (%s) has the fields of Core Lightning', (method, list, fields) => {
    const whole = (table[method] as Method).result;
    const shape = list === undefined ? whole : inner(whole.shape[list]);
    expect(shape).toBeInstanceOf(z.ZodObject);
    const names = Object.keys((shape as z.ZodObject).shape);
    expect(fields.split(' ').filter((field) => !names.includes(field))).toEqual([]);
  });

  test('what is called _msat is an amount, and every amount is called so', () => {
    const leaves = Object.entries(table).flatMap(([name, { result }]) => walk(result, name));
    const named = leaves.filter(([path]) => path.endsWith('_msat'));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(([, schema]) => kindOf(schema as z.ZodType) !== 'msat')).toEqual([]);
    expect(
      leaves.filter(([path, schema]) => kindOf(schema as z.ZodType) === 'msat' && !path.endsWith('_msat')),
    ).toEqual([]);
  });

  test.each(Object.entries(samples))('%s goes out and comes back the same', (name, sample) => {
    if (!isMethod(name)) throw new Error(name);
    const { result } = table[name] as Method;
    expect(z.decode(result, z.encode(result, sample) as never)).toEqual(sample);
  });

  test('an amount no double holds goes out and comes back exactly', () => {
    const amount = table.pay.result.shape.amount_msat;
    const large = msat(2_099_999_999_999_999_999n);
    expect(z.encode(amount, large)).toBe(2_099_999_999_999_999_999n);
    expect(z.decode(amount, '2099999999999999999')).toBe(large);
    expect(() => z.decode(amount, 2 ** 60)).toThrow();
    expect(() => z.decode(amount, -1)).toThrow();
  });
});
