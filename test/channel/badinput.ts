/**
 * Every message at every moment, and what comes of it: the answers that BOLT 2 gives, or lets us choose. Out of place is
 * answered as wrong is: an opening is given up, anything later begins the connection anew.
 */
import type { Fault } from '../../channel/model/errors.ts';
import type { ChannelMessage } from '../../channel/model/io.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, shortChannelId, txid } from '../../wire/units.ts';
import { scriptOf, secretOf } from './pair.ts';
import {
  add,
  asking,
  badPoint,
  badSignature,
  closing,
  fail,
  fee,
  granting,
  onion,
  otherSecret,
  reestablished,
  revoked,
  type Scene,
  signed,
} from './peerwords.ts';

/** The moments of moments.ts, in the order of the answers below. */
export const columns = [
  ['accept', 'wallet', 'signed', 'created'],
  ['depth', 'ready'],
  ['fundee', 'funder', 'signing', 'offline', 'syncing'],
  ['we', 'they', 'both'],
  ['proposed', 'waiting', 'agreed', 'resyncing', 'roundless'],
  ['failed', 'onchain', 'closed', 'forgotten'],
] as const;

/**
 * - `.` nothing at all
 * - `+` taken
 * - `w` `W` warning, connection ended, nothing lost: for being out of place, for what is wrong with it
 * - `e` `E` error, this channel over: likewise
 * - `S` this channel over, without an answer
 * - `r` the channel's own error again
 * - `h` `f` warnings: an HTLC after shutdown, a fee from the fundee
 * - `v` `x` errors: a revocation that nobody waits for, one with another secret
 */
export const answers: Readonly<Record<string, Fault['code'] | undefined>> = {
  w: 'unexpected_message',
  e: 'unexpected_message',
  h: 'htlc_after_shutdown',
  f: 'fee_from_fundee',
  v: 'unexpected_revocation',
  x: 'wrong_revocation_secret',
};

export interface Row {
  readonly claim: string;
  readonly answers: string;
  /** What is wrong with it, where that is what counts. */
  readonly code?: Fault['code'];
  /** One after the other; all but the last are right where the last is judged. */
  readonly says: (scene: Scene) => readonly ChannelMessage[];
}

const noTxid = txid(new Uint8Array(32));

export const rows: readonly Row[] = [
  //                                    opening  unready use    ending  closing  over
  {
    claim: 'warning',
    answers: '.... .. ..... ... ..... ....',
    says: ({ id }) => [{ name: 'warning', channel_id: id, data: new Uint8Array() }],
  },
  {
    claim: 'error',
    answers: 'SSSS SS SSS++ SSS SSS+S ....',
    says: ({ id }) => [{ name: 'error', channel_id: id, data: new Uint8Array() }],
  },
  { claim: 'open_channel', answers: 'eeee ww www.w www wwwww r...', says: (scene) => [asking(scene)] },
  { claim: 'accept_channel', answers: '+eee ww www.w www wwwww r...', says: (scene) => [granting(scene)] },
  {
    claim: 'funding_created with a wrong signature',
    answers: 'eeeE ww www.w www wwwww r...',
    code: 'invalid_funding_signature',
    says: ({ id }) => [
      {
        name: 'funding_created',
        temporary_channel_id: id,
        funding_txid: noTxid,
        funding_output_index: 0,
        signature: badSignature,
      },
    ],
  },
  {
    claim: 'funding_signed with a wrong signature',
    answers: 'eeEe ww www.w www wwwww r...',
    code: 'invalid_funding_signature',
    says: ({ id }) => [{ name: 'funding_signed', channel_id: id, signature: badSignature }],
  },
  {
    claim: 'channel_ready',
    answers: 'eeee ++ +++.+ +++ ...w. r...',
    says: ({ id, peer }) => [
      {
        name: 'channel_ready',
        channel_id: id,
        second_per_commitment_point: peer?.params.local.basepoints.htlc ?? badPoint,
        alias: shortChannelId(5n),
      },
    ],
  },
  {
    claim: 'channel_ready with a point off the curve',
    answers: 'eeee EE ....w ... ...w. r...',
    code: 'invalid_point',
    says: ({ id }) => [{ name: 'channel_ready', channel_id: id, second_per_commitment_point: badPoint }],
  },
  {
    claim: 'shutdown',
    answers: 'eeee ++ +++.w +++ ...w+ r...',
    says: ({ id, moment }) => [
      { name: 'shutdown', channel_id: id, scriptpubkey: scriptOf(moment.who === 'a' ? 2 : 1) },
    ],
  },
  {
    claim: 'shutdown to a script that nobody relays',
    answers: 'eeee WW WWW.w WWW WWWwW r...',
    code: 'invalid_shutdown_script',
    says: ({ id }) => [{ name: 'shutdown', channel_id: id, scriptpubkey: Uint8Array.of(0, 20, 1) }],
  },
  {
    claim: 'shutdown to another script than before',
    answers: 'eeee ++ +++.w +WW WWWwW r...',
    code: 'shutdown_script_changed',
    says: ({ id }) => [{ name: 'shutdown', channel_id: id, scriptpubkey: scriptOf(9) }],
  },
  {
    claim: 'closing_signed',
    answers: 'eeee ww www.w www +++ww r...',
    says: (scene) => [closing(scene, 700n, [300n, 2000n])],
  },
  {
    claim: 'closing_signed with a wrong signature',
    answers: 'eeee ww www.w www EEEww r...',
    code: 'invalid_closing_signature',
    says: (scene) => [{ ...closing(scene, 700n), signature: badSignature }],
  },
  {
    claim: 'closing_signed for a fee that the funder does not have',
    answers: 'eeee ww www.w www EEEww r...',
    code: 'invalid_closing_signature',
    says: (scene) => [closing(scene, 600_000n)],
  },
  {
    claim: 'closing_signed for a fee outside the range of who pays it',
    answers: 'eeee ww www.w www E+Eww r...',
    code: 'closing_fee_out_of_range',
    says: (scene) => [closing(scene, 20_000n, [300n, 30_000n])],
  },
  {
    claim: 'closing_signed with a range that the funder’s does not meet',
    answers: 'eeee ww www.w www W+Www r...',
    code: 'closing_ranges_disjoint',
    says: (scene) => [closing(scene, 20_000n, [400_000n, 500_000n])],
  },
  { claim: 'update_add_htlc', answers: 'eeee ww +++.w +hh wwwww r...', says: (scene) => [add(scene)] },
  {
    claim: 'update_add_htlc that skips an id',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'htlc_id_out_of_order',
    says: (scene) => [add(scene, { id: (scene.core?.counters.nextIn ?? 0n) + 1n })],
  },
  {
    claim: 'update_add_htlc that uses an id again',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'htlc_id_out_of_order',
    says: (scene) => [add(scene, { id: 0n })],
  },
  {
    claim: 'update_add_htlc of nothing',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'htlc_below_minimum',
    says: (scene) => [add(scene, { amount_msat: msat(0n) })],
  },
  {
    claim: 'update_add_htlc below our minimum',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'htlc_below_minimum',
    says: (scene) => [add(scene, { amount_msat: msat((scene.core?.params.local.htlcMinimum ?? 1n) - 1n) })],
  },
  {
    claim: 'update_add_htlc that expires at a time, not a block',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'htlc_expiry_in_seconds',
    says: (scene) => [add(scene, { cltv_expiry: 500_000_000 })],
  },
  {
    claim: 'one update_add_htlc more than we allow',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'too_many_htlcs',
    says: (scene) => {
      const free = (scene.core?.params.local.maxAcceptedHtlcs ?? 0) - (scene.core?.incoming.size ?? 0);
      const first = scene.core?.counters.nextIn ?? 0n;
      return Array.from({ length: free + 1 }, (_, n) => add(scene, { id: first + BigInt(n) }));
    },
  },
  {
    claim: 'update_add_htlc that puts too much in flight',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'too_much_in_flight',
    says: (scene) => [add(scene, { amount_msat: scene.core?.params.local.maxHtlcValueInFlight ?? msat(1n) })],
  },
  {
    claim: 'update_add_htlc of more than the peer has above its reserve and fee',
    answers: 'eeee ww WWW.w Whh wwwww r...',
    code: 'cannot_afford_htlc',
    says: (scene) => [add(scene, { amount_msat: msat(494_000_000n) })],
  },
  {
    claim: 'update_fulfill_htlc',
    answers: 'eeee ww +++.w +++ wwwww r...',
    says: ({ id, moment }) => [
      { name: 'update_fulfill_htlc', channel_id: id, id: 0n, payment_preimage: secretOf(moment.who === 'a' ? 1 : 2) },
    ],
  },
  {
    claim: 'update_fulfill_htlc for an HTLC that there is not',
    answers: 'eeee ww WWW.w WWW wwwww r...',
    code: 'unknown_htlc',
    says: ({ id }) => [{ name: 'update_fulfill_htlc', channel_id: id, id: 7n, payment_preimage: secretOf(2) }],
  },
  {
    claim: 'update_fulfill_htlc with the preimage of something else',
    answers: 'eeee ww WWW.w WWW wwwww r...',
    code: 'wrong_preimage',
    says: ({ id }) => [{ name: 'update_fulfill_htlc', channel_id: id, id: 0n, payment_preimage: secretOf(77) }],
  },
  { claim: 'update_fail_htlc', answers: 'eeee ww +++.w +++ wwwww r...', says: (scene) => [fail(scene, 0n)] },
  {
    claim: 'update_fail_htlc for an HTLC that is not certain yet, or that there is not',
    answers: 'eeee ww WWW.w WWW wwwww r...',
    code: 'unknown_htlc',
    says: (scene) => [fail(scene, 1n)],
  },
  {
    claim: 'a second update_fail_htlc for the same HTLC',
    answers: 'eeee ww WWW.w WWW wwwww r...',
    code: 'htlc_already_ended',
    says: (scene) => [fail(scene, 0n), fail(scene, 0n)],
  },
  {
    claim: 'update_fail_malformed_htlc with a code that does not say so',
    answers: 'eeee ww WWW.w WWW wwwww r...',
    code: 'malformed_without_badonion',
    says: ({ id: channel_id }) => [
      { name: 'update_fail_malformed_htlc', channel_id, id: 0n, sha256_of_onion: sha256(onion), failure_code: 0x4005 },
    ],
  },
  { claim: 'commitment_signed', answers: 'eeee ww +++.w +++ wwwww r...', says: (scene) => [signed(scene)] },
  {
    claim: 'commitment_signed with a wrong signature',
    answers: 'eeee ww EEE.w EEE wwwww r...',
    code: 'invalid_commitment_signature',
    says: (scene) => [{ ...signed(scene), signature: badSignature }],
  },
  {
    claim: 'commitment_signed with a signature too few',
    answers: 'eeee ww EEE.w EEE wwwww r...',
    code: 'htlc_signature_count',
    says: (scene) => [{ ...signed(scene), htlc_signature: signed(scene).htlc_signature.slice(1) }],
  },
  {
    claim: 'commitment_signed with a signature too many',
    answers: 'eeee ww EEE.w EEE wwwww r...',
    code: 'htlc_signature_count',
    says: (scene) => [{ ...signed(scene), htlc_signature: [...signed(scene).htlc_signature, badSignature] }],
  },
  {
    claim: 'commitment_signed with the signature of one HTLC for all',
    answers: 'eeee ww EEE.w EEE wwwww r...',
    code: 'invalid_htlc_signature',
    says: (scene) => {
      const { htlc_signature, ...rest } = signed(scene);
      return [{ ...rest, htlc_signature: htlc_signature.map((one) => htlc_signature[0] ?? one) }];
    },
  },
  {
    claim: 'revoke_and_ack of what is revoked already',
    answers: 'eeee ww vvx.w vvv wwwww r...',
    says: (scene) => [revoked(scene)],
  },
  {
    claim: 'revoke_and_ack with another secret',
    answers: 'eeee ww vvx.w vvv wwwww r...',
    says: (scene) => [revoked(scene, { per_commitment_secret: otherSecret })],
  },
  { claim: 'update_fee', answers: 'eeee ww +f+.w +++ wwwww r...', says: (scene) => [fee(scene, 2000)] },
  {
    claim: 'update_fee below what is relayed',
    answers: 'eeee ww WfW.w WWW wwwww r...',
    code: 'feerate_out_of_range',
    says: (scene) => [fee(scene, 252)],
  },
  {
    claim: 'update_fee beyond reason',
    answers: 'eeee ww WfW.w WWW wwwww r...',
    code: 'feerate_out_of_range',
    says: (scene) => [fee(scene, 100_001)],
  },
  {
    claim: 'update_fee that eats the reserve',
    answers: 'eeee ww WfW.w Whh wwwww r...',
    code: 'cannot_afford_fee',
    says: (scene) => [add(scene, { amount_msat: msat(450_000_000n) }), fee(scene, 90_000)],
  },
  {
    claim: 'channel_reestablish',
    answers: 'eeee ww www.+ www www+w rrr.',
    says: (scene) => [reestablished(scene)],
  },
  {
    claim: 'channel_reestablish that expects no commitment',
    answers: 'eeee ww www.E www wwwEw rrr.',
    code: 'reestablish_zero',
    says: (scene) => [reestablished(scene, { next_commitment_number: 0n })],
  },
  {
    claim: 'channel_reestablish that expects a commitment of the far future',
    answers: 'eeee ww www.E www wwwEw rrr.',
    code: 'reestablish_impossible',
    says: (scene) => [reestablished(scene, { next_commitment_number: 99n })],
  },
  {
    claim: 'channel_reestablish that claims to be ahead, without proof',
    answers: 'eeee ww www.E www wwwEw rrr.',
    code: 'reestablish_wrong_secret',
    says: (scene) => [reestablished(scene, { next_revocation_number: 99n })],
  },
];
