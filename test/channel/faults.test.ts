/** What a peer can do wrong in a channel in use: each rule of BOLT 2 broken once. */
import { describe, expect, test } from 'vitest';
import { reactions } from '../../channel/errors.ts';
import type { PeerMessage } from '../../channel/io.ts';
import { text } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { type ChannelId, msat, point, secretKey, signature } from '../../wire/units.ts';
import {
  acceptRequest,
  coreOf,
  deliver,
  eventsOf,
  give,
  hashOf,
  offerOf,
  openRequest,
  type Pair,
  ready,
  secretOf,
  settle,
} from './pair.ts';

const onion = new Uint8Array(1366);
const someSignature = signature(new Uint8Array(64).fill(1));
const somePoint = point(Uint8Array.of(2, ...new Array(32).fill(255)));
const someSecret = secretKey(new Uint8Array(32).fill(3));

const add = (id: ChannelId, change: object = {}): PeerMessage => ({
  name: 'update_add_htlc',
  channel_id: id,
  id: 1n,
  amount_msat: msat(2_000_000n),
  payment_hash: hashOf(9),
  cltv_expiry: 560,
  onion_routing_packet: onion,
  ...change,
});

/**
 * The channel as `b` has it: `b` is the fundee; HTLC 0 from `a` and HTLC 0 from `b` are in flight. `max in flight` is
 * 500,000 sat either way.
 */
const inUse = (): Pair => {
  const bounded = { ...acceptRequest.limits, maxHtlcValueInFlight: msat(500_000_000n), maxAcceptedHtlcs: 5 };
  const minimum = { ...bounded, htlcMinimum: msat(1000n) };
  const pair = ready({ ...openRequest, push: msat(490_000_000n) }, { ...acceptRequest, limits: minimum });
  give(pair, pair.a, offerOf(5_000_000n, 1));
  give(pair, pair.b, offerOf(6_000_000n, 2));
  settle(pair);
  return pair;
};

interface Row {
  readonly code: keyof typeof reactions;
  readonly claim: string;
  /** What arrives at `b`, in this order; the last one is at fault. */
  readonly says: (id: ChannelId, pair: Pair) => readonly PeerMessage[];
}

const rows: readonly Row[] = [
  { code: 'htlc_id_out_of_order', claim: 'an id is skipped', says: (id) => [add(id, { id: 2n })] },
  { code: 'htlc_id_out_of_order', claim: 'an id is used again', says: (id) => [add(id, { id: 0n })] },
  { code: 'htlc_below_minimum', claim: 'an HTLC of nothing', says: (id) => [add(id, { amount_msat: 0n })] },
  { code: 'htlc_below_minimum', claim: 'an HTLC below our minimum', says: (id) => [add(id, { amount_msat: 999n })] },
  {
    code: 'htlc_expiry_in_seconds',
    claim: 'an expiry that is a time',
    says: (id) => [add(id, { cltv_expiry: 500_000_000 })],
  },
  {
    code: 'too_many_htlcs',
    claim: 'one HTLC too many',
    says: (id) => [1n, 2n, 3n, 4n, 5n].map((n) => add(id, { id: n })),
  },
  {
    code: 'too_much_in_flight',
    claim: 'too much at once',
    says: (id) => [add(id, { amount_msat: 495_000_001n })],
  },
  {
    code: 'cannot_afford_htlc',
    claim: 'more than the peer has above its reserve and fee',
    says: (id) => [add(id, { amount_msat: 494_000_000n })],
  },
  {
    code: 'unknown_htlc',
    claim: 'an end for an HTLC we did not offer',
    says: (channel_id) => [{ name: 'update_fail_htlc', channel_id, id: 7n, reason: new Uint8Array() }],
  },
  {
    code: 'unknown_htlc',
    claim: 'an end for an HTLC that is not yet certain',
    says: (channel_id, pair) => {
      give(pair, pair.b, offerOf(6_000_000n, 3));
      return [{ name: 'update_fulfill_htlc', channel_id, id: 1n, payment_preimage: secretOf(3) }];
    },
  },
  {
    code: 'htlc_already_ended',
    claim: 'two ends for one HTLC',
    says: (channel_id) => [
      { name: 'update_fail_htlc', channel_id, id: 0n, reason: new Uint8Array() },
      { name: 'update_fail_htlc', channel_id, id: 0n, reason: new Uint8Array() },
    ],
  },
  {
    code: 'wrong_preimage',
    claim: 'a preimage of something else',
    says: (channel_id) => [{ name: 'update_fulfill_htlc', channel_id, id: 0n, payment_preimage: secretOf(1) }],
  },
  {
    code: 'malformed_without_badonion',
    claim: 'a malformed onion with a code that does not say so',
    says: (channel_id) => [
      {
        name: 'update_fail_malformed_htlc',
        channel_id,
        id: 0n,
        sha256_of_onion: sha256(onion),
        failure_code: 0x4005,
      },
    ],
  },
  {
    code: 'feerate_out_of_range',
    claim: 'a feerate below what is relayed',
    says: (channel_id) => [{ name: 'update_fee', channel_id, feerate_per_kw: 252 }],
  },
  {
    code: 'feerate_out_of_range',
    claim: 'a feerate beyond reason',
    says: (channel_id) => [{ name: 'update_fee', channel_id, feerate_per_kw: 100_001 }],
  },
  {
    code: 'cannot_afford_fee',
    claim: 'a feerate that eats the reserve',
    says: (id) => [
      add(id, { amount_msat: 450_000_000n }),
      { name: 'update_fee', channel_id: id, feerate_per_kw: 90_000 },
    ],
  },
  {
    code: 'invalid_commitment_signature',
    claim: 'a commitment without its signature',
    says: (channel_id) => [
      {
        name: 'commitment_signed',
        channel_id,
        signature: someSignature,
        htlc_signature: [someSignature, someSignature],
      },
    ],
  },
  {
    code: 'htlc_signature_count',
    claim: 'a wrong number of HTLC signatures',
    says: (channel_id) => [{ name: 'commitment_signed', channel_id, signature: someSignature, htlc_signature: [] }],
  },
  {
    code: 'unexpected_revocation',
    claim: 'a revocation nobody asked for',
    says: (channel_id) => [
      { name: 'revoke_and_ack', channel_id, per_commitment_secret: someSecret, next_per_commitment_point: somePoint },
    ],
  },
  {
    code: 'wrong_revocation_secret',
    claim: 'a wrong secret',
    says: (channel_id, pair) => {
      give(pair, pair.b, offerOf(6_000_000n, 3));
      give(pair, pair.b, { type: 'sign' });
      return [
        { name: 'revoke_and_ack', channel_id, per_commitment_secret: someSecret, next_per_commitment_point: somePoint },
      ];
    },
  },
  {
    code: 'invalid_shutdown_script',
    claim: 'a shutdown to a script nobody relays',
    says: (channel_id) => [{ name: 'shutdown', channel_id, scriptpubkey: Uint8Array.of(0, 20, 1) }],
  },
  {
    code: 'htlc_after_shutdown',
    claim: 'an HTLC after shutdown',
    says: (id) => [
      { name: 'shutdown', channel_id: id, scriptpubkey: Uint8Array.of(0, 20, ...new Array(20).fill(1)) },
      add(id),
    ],
  },
  {
    code: 'peer_error',
    claim: 'an error',
    says: (channel_id) => [{ name: 'error', channel_id, data: new Uint8Array() }],
  },
];

describe('what breaks a rule is answered as the table of reactions says', () => {
  test.each(rows)('$code: $claim', ({ code, says }) => {
    const pair = inUse();
    const { a, b } = pair;
    const id = coreOf(b).channelId;
    const messages = says(id, pair);
    a.inbox = [];
    for (const message of messages.slice(0, -1)) give(pair, b, { type: 'message', message });
    const before = b.disk.get('head');
    expect([b.state.phase, b.asked.some((e) => e.do === 'disconnect')]).toEqual(['open', false]);
    const [message] = messages.slice(-1);
    if (message !== undefined) give(pair, b, { type: 'message', message });

    const answer = a.inbox.at(-1);
    const said = answer?.name === 'error' || answer?.name === 'warning' ? text(answer.data) : '';
    const reaction = reactions[code];
    if (reaction === 'warn_and_disconnect') {
      expect([answer?.name, said.split(':')[0]]).toEqual(['warning', code]);
      expect(b.asked.at(-1)?.do).toBe('disconnect');
      expect(b.state.phase).toBe('open');
      expect(b.disk.get('head')).toEqual(before);
    } else {
      expect(eventsOf(b, 'failed')).toMatchObject([{ fault: { code }, broadcast: true }]);
      expect(answer?.name).toBe(reaction === 'fail_channel' ? 'error' : undefined);
      expect(b.broadcasts.map(({ why }) => why)).toEqual(['commitment']);
    }
  });

  test('a signature of one HTLC only is not enough', () => {
    const pair = inUse();
    give(pair, pair.a, offerOf(7_000_000n, 5));
    give(pair, pair.a, { type: 'sign' });
    deliver(pair, pair.b);
    const signed = pair.b.inbox.shift();
    if (signed?.name !== 'commitment_signed') throw new Error('no commitment_signed');
    const htlc_signature = signed.htlc_signature.map((_, i) => signed.htlc_signature[0] ?? _ ?? i);
    give(pair, pair.b, { type: 'message', message: { ...signed, htlc_signature } });
    expect(eventsOf(pair.b, 'failed')).toMatchObject([{ fault: { code: 'invalid_htlc_signature' } }]);
  });

  test('a fundee may not change the feerate', () => {
    const pair = inUse();
    const message: PeerMessage = { name: 'update_fee', channel_id: coreOf(pair.a).channelId, feerate_per_kw: 2000 };
    give(pair, pair.a, { type: 'message', message });
    expect(pair.a.asked.at(-1)).toMatchObject({ do: 'disconnect', why: 'fee_from_fundee' });
  });
});
