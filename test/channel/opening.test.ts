/** Opening a channel: the messages in order, what is refused and by which field, what is forgotten. */
import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import type { AcceptRequest, ChannelMessageOf, Context, Effect, OpenRequest } from '../../channel/model/io.ts';
import { acceptChannel, openChannel, transition } from '../../channel/phases/transition.ts';
import { hex, text } from '../../wire/bytes.ts';
import { chainHash, msat, point, sat } from '../../wire/units.ts';
import {
  acceptRequest,
  anchorsRequest,
  begin,
  confirm,
  context,
  coreOf,
  deliver,
  eventsOf,
  expireWait,
  fund,
  fundingTx,
  give,
  join,
  kept,
  limits,
  offerOf,
  openRequest,
  otherOf,
  ready,
  restart,
  type Side,
  settle,
  unconfirmed,
} from './pair.ts';
import { fundingKeys, keyOf, stateName, summary, wireIds } from './summary.ts';

const sent = (effects: readonly Effect[]) => effects.flatMap((e) => (e.do === 'send' ? [e.message] : []));

const openMessage = (request: OpenRequest = openRequest): ChannelMessageOf<'open_channel'> => {
  const [message] = sent(openChannel(request, context)[1]);
  if (message?.name !== 'open_channel') throw new Error('no open_channel');
  return message;
};

test('funder and fundee open a channel that is then ready', () => {
  const pair = begin();
  expect(stateName(pair.a.state)).toBe('OPENINGD');
  expect(pair.a.inbox.map(({ name }) => name)).toEqual(['accept_channel']);
  deliver(pair, pair.a);
  fund(pair);
  expect(pair.b.inbox.map(({ name }) => name)).toEqual(['funding_created']);
  expect(pair.a.broadcasts).toEqual([]);
  deliver(pair, pair.b);
  expect(pair.a.inbox.map(({ name }) => name)).toEqual(['funding_signed']);
  expect(kept(pair.b)).toEqual(pair.b.disk);
  deliver(pair, pair.a);
  expect(pair.a.broadcasts.map(({ why }) => why)).toEqual(['funding']);
  expect(kept(pair.a)).toEqual(pair.a.disk);
  expect([stateName(pair.a.state), stateName(pair.b.state)]).toEqual([
    'CHANNELD_AWAITING_LOCKIN',
    'CHANNELD_AWAITING_LOCKIN',
  ]);
  confirm(pair);
  settle(pair);
  for (const side of [pair.a, pair.b]) {
    expect(stateName(side.state)).toBe('CHANNELD_NORMAL');
    expect(eventsOf(side, 'ready')).toHaveLength(1);
  }
  expect(keyOf(pair.a.state)).toBe('a');
  expect(fundingKeys(pair.a.state)?.local).toEqual(fundingKeys(pair.b.state)?.remote);
  expect(hex(wireIds(pair.a.state)[0] ?? new Uint8Array())).toBe(hex(wireIds(pair.b.state)[0] ?? new Uint8Array()));
});

test('push_msat belongs to the fundee from the first commitment on', () => {
  const pair = ready({ ...openRequest, push: msat(123_456_789n) });
  expect(summary(pair.b.state)?.toUs).toBe(123_456_789n);
  expect(summary(pair.a.state)?.toUs).toBe(1_000_000_000n - 123_456_789n);
});

type Change = Partial<ChannelMessageOf<'open_channel'>>;
const badPoint = point(Uint8Array.of(2, ...new Array(32).fill(255)));

/** Every field of open_channel that can be wrong, and the field that the refusal names. */
const refusedOpens: readonly (readonly [claim: string, change: Change, field: string])[] = [
  ['another chain', { chain_hash: chainHash(new Uint8Array(32)) }, 'chain_hash'],
  ['a channel that is too small', { funding_satoshis: sat(19_999n) }, 'funding_satoshis'],
  ['2^24 sat without large channels', { funding_satoshis: sat(1n << 24n) }, 'funding_satoshis'],
  ['more pushed than there is', { push_msat: msat(1_000_000_001n) }, 'push_msat'],
  ['all pushed, nothing left for the fee', { push_msat: msat(1_000_000_000n) }, 'push_msat'],
  ['a dust limit of 353', { dust_limit_satoshis: sat(353n) }, 'dust_limit_satoshis'],
  ['dust limit above what we accept', { dust_limit_satoshis: sat(1063n) }, 'dust_limit_satoshis'],
  [
    'a dust limit above the reserve',
    { dust_limit_satoshis: sat(600n), channel_reserve_satoshis: sat(599n) },
    'dust_limit_satoshis',
  ],
  ['reserve below our dust limit', { channel_reserve_satoshis: sat(545n) }, 'channel_reserve_satoshis'],
  ['reserve above a fifth', { channel_reserve_satoshis: sat(200_001n) }, 'channel_reserve_satoshis'],
  [
    'a max_htlc_value_in_flight_msat below what is useful',
    { max_htlc_value_in_flight_msat: msat(9_999_999n) },
    'max_htlc_value_in_flight_msat',
  ],
  ['an htlc_minimum_msat that only large HTLCs meet', { htlc_minimum_msat: msat(1_000_001n) }, 'htlc_minimum_msat'],
  ['a feerate of 252', { feerate_per_kw: 252 }, 'feerate_per_kw'],
  ['a feerate out of bounds', { feerate_per_kw: 100_001 }, 'feerate_per_kw'],
  ['two weeks and a block of delay', { to_self_delay: 2017 }, 'to_self_delay'],
  ['484 HTLCs at once', { max_accepted_htlcs: 484 }, 'max_accepted_htlcs'],
  ['only 4 HTLCs at once', { max_accepted_htlcs: 4 }, 'max_accepted_htlcs'],
  ['a basepoint off the curve', { htlc_basepoint: badPoint }, 'basepoints'],
  ['a first point off the curve', { first_per_commitment_point: badPoint }, 'basepoints'],
  ['an unknown channel type', { channel_type: Uint8Array.of(1) }, 'channel_type'],
  ['a shutdown script nobody relays', { upfront_shutdown_script: Uint8Array.of(1, 2, 3) }, 'upfront_shutdown_script'],
];

describe('a fundee refuses', () => {
  test.each(refusedOpens)('%s', (_, change, field) => {
    const [state, effects] = acceptChannel({ ...openMessage(), ...change }, acceptRequest, context);
    expect(state.phase).toBe('abandoned');
    const [error] = sent(effects);
    expect(error?.name === 'error' && text(error.data)).toContain(`field ${field}`);
    expect(effects.some((e) => e.do === 'save')).toBe(false);
  });

  test('an open_channel without channel_type', () => {
    const { channel_type: _, ...message } = openMessage();
    const [state] = acceptChannel(message, acceptRequest, context);
    expect(state.phase).toBe('abandoned');
  });

  test('no open_channel whose fields are exactly at the limits', () => {
    const change: Change = {
      dust_limit_satoshis: sat(354n),
      to_self_delay: 2016,
      max_accepted_htlcs: 483,
      feerate_per_kw: 253,
      htlc_minimum_msat: msat(1_000_000n),
      channel_reserve_satoshis: sat(546n),
      max_htlc_value_in_flight_msat: msat(10_000_000n),
    };
    expect(acceptChannel({ ...openMessage(), ...change }, acceptRequest, context)[0].phase).toBe(
      'awaiting_funding_created',
    );
  });
});

type AcceptChange = Partial<ChannelMessageOf<'accept_channel'>>;
const refusedAccepts: readonly (readonly [claim: string, change: AcceptChange, field: string])[] = [
  ['another channel type', { channel_type: Uint8Array.of(0x40, 0x10, 0) }, 'channel_type'],
  ['a depth beyond reason', { minimum_depth: 145 }, 'minimum_depth'],
  ['reserve below our dust limit', { channel_reserve_satoshis: sat(353n) }, 'channel_reserve_satoshis'],
  ['a dust limit of 353', { dust_limit_satoshis: sat(353n) }, 'dust_limit_satoshis'],
  [
    'a dust limit above the reserve it asks',
    { dust_limit_satoshis: sat(1062n), channel_reserve_satoshis: sat(1061n) },
    'dust_limit_satoshis',
  ],
  ['an htlc_minimum_msat beyond reason', { htlc_minimum_msat: msat(1_000_001n) }, 'htlc_minimum_msat'],
  ['484 HTLCs at once', { max_accepted_htlcs: 484 }, 'max_accepted_htlcs'],
  ['a delay beyond reason', { to_self_delay: 2017 }, 'to_self_delay'],
  ['a basepoint off the curve', { revocation_basepoint: badPoint }, 'basepoints'],
];

describe('a funder refuses', () => {
  test.each(refusedAccepts)('%s', (_, change, field) => {
    const pair = begin();
    const message = pair.a.inbox.shift();
    if (message?.name !== 'accept_channel') throw new Error('no accept_channel');
    give(pair, pair.a, { type: 'message', message: { ...message, ...change } });
    expect(pair.a.state.phase).toBe('abandoned');
    const error = pair.b.inbox.at(-1);
    expect(error?.name === 'error' && text(error.data)).toContain(`field ${field}`);
  });

  test('a reserve below the dust limit of a small channel is raised to it', () => {
    expect(openMessage({ ...openRequest, amount: sat(20_000n) }).channel_reserve_satoshis).toBe(354n);
    expect(openMessage().channel_reserve_satoshis).toBe(10_000n);
    expect(openMessage({ ...openRequest, amount: sat(999_999n) }).channel_reserve_satoshis).toBe(9_999n);
  });
});

describe('a dust limit of thousands, as nodes ask for that have anchors,', () => {
  const large = { dust_limit_satoshis: sat(5_000n), channel_reserve_satoshis: sat(5_000n) };
  const offered = openMessage({ ...anchorsRequest, amount: sat(100_000n) });

  test('is taken by a fundee, which asks the peer to keep as much', () => {
    const [state, effects] = acceptChannel({ ...offered, ...large }, acceptRequest, context);
    expect(state.phase).toBe('awaiting_funding_created');
    expect(sent(effects)).toMatchObject([{ name: 'accept_channel', channel_reserve_satoshis: 5_000n }]);
  });

  test('is taken by a funder whose reserve covers it', () => {
    const pair = begin(anchorsRequest, acceptRequest);
    const message = pair.a.inbox.shift();
    if (message?.name !== 'accept_channel') throw new Error('no accept_channel');
    give(pair, pair.a, { type: 'message', message: { ...message, ...large } });
    expect(pair.a.state.phase).toBe('awaiting_funding');
  });

  test.each([
    ['beyond reason', anchorsRequest, 10_001n],
    ['without anchors, where HTLCs are cut at a higher amount anyway', openRequest, 1_063n],
  ] as const)('is refused %s', (_, request, limit) => {
    const message = { ...openMessage(request), dust_limit_satoshis: sat(limit), channel_reserve_satoshis: sat(limit) };
    expect(acceptChannel(message, acceptRequest, context)[0].phase).toBe('abandoned');
  });
});

const ownMistakes: readonly (readonly [claim: string, request: Partial<OpenRequest>])[] = [
  ['2^24 sat without large channels', { amount: sat(1n << 24n) }],
  ['all pushed', { push: msat(1_000_000_000n) }],
  ['a dust limit of 353', { limits: { ...limits, dustLimit: sat(353n) } }],
  ['484 HTLCs at once', { limits: { ...limits, maxAcceptedHtlcs: 484 } }],
];
test.each(ownMistakes)('a request of our own that breaks the rules is not sent: %s', (_, change) => {
  const [state, effects] = openChannel({ ...openRequest, ...change }, context);
  expect(state.phase).toBe('abandoned');
  expect(sent(effects)).toEqual([]);
});

describe('before both have signed', () => {
  const until: readonly (readonly [string, (pair: ReturnType<typeof begin>) => void, 'a' | 'b'])[] = [
    ['awaiting_accept', () => {}, 'a'],
    ['awaiting_funding_created', () => {}, 'b'],
    ['awaiting_funding', (pair) => void deliver(pair, pair.a), 'a'],
    [
      'awaiting_funding_signed',
      (pair) => {
        deliver(pair, pair.a);
        fund(pair);
      },
      'a',
    ],
  ];

  test.each(until)('a disconnect in %s forgets the channel without a trace', (phase, bring, who) => {
    const pair = begin();
    bring(pair);
    expect(pair[who].state.phase).toBe(phase);
    give(pair, pair[who], { type: 'disconnected' });
    expect(pair[who].state.phase).toBe('abandoned');
    expect(pair[who].disk.size).toBe(0);
    expect(eventsOf(pair[who], 'abandoned')).toHaveLength(1);
  });

  test.each(until)('an error of the peer in %s ends it without an answer', (phase, bring, who) => {
    const pair = begin();
    bring(pair);
    const side: Side = pair[who];
    expect(side.state.phase).toBe(phase);
    const [id] = wireIds(side.state);
    if (id === undefined) throw new Error('no id');
    const [state, effects] = transition(
      side.state,
      { type: 'message', message: { name: 'error', channel_id: id, data: new Uint8Array() } },
      context,
    );
    expect(state.phase).toBe('abandoned');
    expect(sent(effects)).toEqual([]);
  });

  const theirs = until.filter(([phase]) => phase !== 'awaiting_funding');
  test.each(theirs)('an opening ends with an error when the peer does not answer %s in time', (phase, bring, who) => {
    const pair = begin();
    bring(pair);
    const seconds = phase === 'awaiting_funding_created' ? 600 : 60;
    expireWait(pair, pair[who]);
    expect(pair[who].state.phase).toBe('abandoned');
    const error = otherOf(pair, pair[who]).inbox.at(-1);
    expect(error?.name === 'error' && text(error.data)).toBe(`opening_timeout: seconds ${seconds}`);
  });

  test.each(until)('an offer in %s is refused', (_, bring, who) => {
    const pair = begin();
    bring(pair);
    give(pair, pair[who], offerOf(1000n, 1));
    expect(eventsOf(pair[who], 'offer_refused').map(({ why }) => why.code)).toEqual(['not_ready']);
  });
});

test('a funding transaction that does not pay the channel is not signed for', () => {
  const pair = begin();
  deliver(pair, pair.a);
  const asked = pair.a.asked.at(-1);
  if (asked?.do !== 'fund') throw new Error('nothing to fund');
  const tx = fundingTx(asked.amount - 1n, asked.script);
  give(pair, pair.a, { type: 'funding_created_by_wallet', tx, output: 1 });
  expect(pair.a.state.phase).toBe('abandoned');
});

test('a wrong signature in funding_created or funding_signed ends the opening, and no coin moves', () => {
  const pair = begin();
  deliver(pair, pair.a);
  fund(pair);
  const created = pair.b.inbox.shift();
  if (created?.name !== 'funding_created') throw new Error('no funding_created');
  const other = { ...created, funding_output_index: 2 };
  expect(transition(pair.b.state, { type: 'message', message: other }, context)[0].phase).toBe('abandoned');

  give(pair, pair.b, { type: 'message', message: created });
  const signed = pair.a.inbox.shift();
  if (signed?.name !== 'funding_signed') throw new Error('no funding_signed');
  give(pair, pair.a, { type: 'message', message: { ...signed, signature: created.signature } });
  expect(pair.a.state.phase).toBe('abandoned');
  expect(pair.a.broadcasts).toEqual([]);
});

test('an opening ends where the wallet cannot fund it', () => {
  const pair = begin();
  deliver(pair, pair.a);
  give(pair, pair.a, { type: 'funding_refused', reason: 'no coins' });
  expect(pair.a.state.phase).toBe('abandoned');
  expect(pair.b.inbox.at(-1)?.name).toBe('error');
});

test('a funder publishes its funding transaction again with each block and after a restart, until it is deep', () => {
  const pair = unconfirmed();
  give(pair, pair.a, { type: 'block', height: 501 });
  for (const side of [pair.a, pair.b]) give(pair, side, { type: 'disconnected' });
  restart(pair, pair.a);
  const txids = pair.a.broadcasts.map(({ tx }) => Transaction.fromBuffer(tx).getId());
  expect(new Set(txids).size).toBe(1);
  expect(txids).toHaveLength(3);
  join(pair);
  confirm(pair);
  settle(pair);
  expect(stateName(pair.a.state)).toBe('CHANNELD_NORMAL');
  expect(coreOf(pair.a).fundingTx).toHaveLength(0);
});

const later: Context = { ...context, height: 501 };
test('an open_channel below the minimum channel size of the fundee is refused', () => {
  const request: AcceptRequest = { ...acceptRequest, minimumAmount: sat(1_000_001n) };
  expect(acceptChannel(openMessage(), request, later)[0].phase).toBe('abandoned');
});
