/** Every message in every state, well-formed and out of place. */
import { describe, expect, test } from 'vitest';
import type { PeerMessage } from '../../channel/io.ts';
import { transition } from '../../channel/transition.ts';
import { wireIds } from '../../channel/view.ts';
import {
  type ChannelId,
  channelId,
  msat,
  point,
  sat,
  secretKey,
  shortChannelId,
  signature,
  txid,
} from '../../wire/units.ts';
import {
  begin,
  context,
  coreOf,
  cut,
  deliver,
  features,
  fund,
  give,
  hashOf,
  type Pair,
  ready,
  type Side,
  secretOf,
  settle,
} from './pair.ts';

const someSignature = signature(new Uint8Array(64).fill(1));
const somePoint = point(Uint8Array.of(2, ...new Array(32).fill(255)));
const someSecret = secretKey(new Uint8Array(32).fill(3));

/** One message of each kind, well-formed and out of place. */
const everyMessage = (id: ChannelId): readonly PeerMessage[] => [
  {
    name: 'funding_created',
    temporary_channel_id: id,
    funding_txid: zeroTxid,
    funding_output_index: 0,
    signature: someSignature,
  },
  { name: 'funding_signed', channel_id: id, signature: someSignature },
  { name: 'channel_ready', channel_id: id, second_per_commitment_point: somePoint, alias: shortChannelId(1n) },
  { name: 'shutdown', channel_id: id, scriptpubkey: Uint8Array.of(1) },
  { name: 'closing_signed', channel_id: id, fee_satoshis: sat(1n), signature: someSignature },
  {
    name: 'update_add_htlc',
    channel_id: id,
    id: 1n,
    amount_msat: msat(2_000_000n),
    payment_hash: hashOf(9),
    cltv_expiry: 560,
    onion_routing_packet: new Uint8Array(1366),
  },
  { name: 'update_fulfill_htlc', channel_id: id, id: 0n, payment_preimage: secretOf(77) },
  { name: 'update_fail_htlc', channel_id: id, id: 9n, reason: new Uint8Array() },
  { name: 'update_fail_malformed_htlc', channel_id: id, id: 9n, sha256_of_onion: new Uint8Array(32), failure_code: 1 },
  { name: 'commitment_signed', channel_id: id, signature: someSignature, htlc_signature: [] },
  { name: 'revoke_and_ack', channel_id: id, per_commitment_secret: someSecret, next_per_commitment_point: somePoint },
  { name: 'update_fee', channel_id: id, feerate_per_kw: 1 },
  {
    name: 'channel_reestablish',
    channel_id: id,
    next_commitment_number: 9n,
    next_revocation_number: 9n,
    your_last_per_commitment_secret: new Uint8Array(32),
    my_current_per_commitment_point: somePoint,
  },
  { name: 'error', channel_id: id, data: new Uint8Array() },
  { name: 'warning', channel_id: id, data: new Uint8Array() },
];
const zeroTxid = txid(new Uint8Array(32));

const brought = (bring: (pair: Pair) => void, from: () => Pair = ready): Pair => {
  const pair = from();
  bring(pair);
  return pair;
};
const states: readonly (readonly [string, 'a' | 'b', () => Pair])[] = [
  ['awaiting_accept', 'a', begin],
  ['awaiting_funding_created', 'b', begin],
  ['awaiting_funding', 'a', () => brought((pair) => void deliver(pair, pair.a), begin)],
  [
    'awaiting_funding_signed',
    'a',
    () =>
      brought((pair) => {
        deliver(pair, pair.a);
        fund(pair);
      }, begin),
  ],
  [
    'before channel_ready',
    'a',
    () =>
      brought((pair) => {
        deliver(pair, pair.a);
        fund(pair);
        settle(pair);
      }, begin),
  ],
  ['in use', 'b', ready],
  ['offline', 'b', () => brought(cut)],
  [
    'syncing',
    'b',
    () =>
      brought((pair) => {
        cut(pair);
        give(pair, pair.b, { type: 'connected', features });
      }),
  ],
  [
    'negotiating',
    'a',
    () =>
      brought((pair) => {
        give(pair, pair.a, { type: 'close' });
        deliver(pair, pair.b);
        deliver(pair, pair.a);
      }),
  ],
  ['failed', 'a', () => brought((pair) => give(pair, pair.a, { type: 'force_close' }))],
];

const answers = (side: Side, message: PeerMessage): string => {
  const [next, effects] = transition(side.state, { type: 'message', message }, context);
  const says = effects.flatMap((e) => (e.do === 'send' ? [e.message.name] : e.do === 'broadcast' ? [e.why] : []));
  return [next.phase, ...says].join(' ');
};

describe.each(states)('any message %s', (_, who, bring) => {
  test('ends at worst this channel, and never without the error or warning that says why', () => {
    const side = bring()[who];
    const id = wireIds(side.state)[0] ?? channelId(new Uint8Array(32));
    for (const message of everyMessage(id)) {
      const [phase, ...said] = answers(side, message).split(' ');
      const explained = said.includes('error') || said.includes('warning') || message.name === 'error';
      if (phase !== side.state.phase) expect([message.name, explained]).toEqual([message.name, true]);
      if (phase === 'failed' && side.state.phase !== 'failed') expect(said).toContain('commitment');
    }
  });
});

test('while the peer is away, its late messages change nothing', () => {
  const { b } = brought(cut);
  for (const message of everyMessage(coreOf(b).channelId))
    if (message.name !== 'error') expect(answers(b, message)).toBe('open');
});
