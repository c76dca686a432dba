/** A signature whose S is above half of the order signs as well, and nobody relays it (BOLT 2): in a channel it is none. */
import { expect, test } from 'vitest';
import type { ChannelMessage } from '../../channel/model/io.ts';
import { type Signature, signature } from '../../wire/units.ts';
import {
  anchorsRequest,
  begin,
  deliver,
  eventsOf,
  fund,
  give,
  offerOf,
  openRequest,
  type Pair,
  ready,
  type Side,
  settle,
} from './pair.ts';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const numberOf = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** The other signature of the same digest by the same key. */
const high = (one: Signature): Signature => {
  const s = ORDER - numberOf(one.subarray(32));
  const bytes = Array.from({ length: 32 }, (_, i) => Number((s >> BigInt(8 * (31 - i))) & 0xffn));
  return signature(Uint8Array.of(...one.subarray(0, 32), ...bytes));
};

const raised = <M extends ChannelMessage & { readonly signature: Signature }>(message: M): M => ({
  ...message,
  signature: high(message.signature),
});

/** A pair whose next message to a side is of that name. */
const upTo = (pair: Pair, side: Side, name: ChannelMessage['name']): ChannelMessage => {
  while (side.inbox[0]?.name !== name) {
    const other = side === pair.a ? pair.b : pair.a;
    if (!deliver(pair, side) && !deliver(pair, other)) throw new Error(`no ${name}`);
  }
  const message = side.inbox.shift();
  if (message === undefined) throw new Error(`no ${name}`);
  return message;
};

const faultOf = (side: Side): string | undefined =>
  [...eventsOf(side, 'abandoned'), ...eventsOf(side, 'failed')].map(({ fault }) => fault.code)[0];

const hear = (pair: Pair, side: Side, message: ChannelMessage): string | undefined => {
  give(pair, side, { type: 'message', message });
  return faultOf(side);
};

/** An HTLC of `a` and its commitment_signed, on the way to `b`. */
const signing = (request = openRequest) => {
  const pair = ready(request);
  give(pair, pair.a, offerOf(50_000_000n, 1));
  give(pair, pair.a, { type: 'sign' });
  const message = upTo(pair, pair.b, 'commitment_signed');
  if (message.name !== 'commitment_signed') throw new Error(message.name);
  return { pair, message };
};

test('a high-S signature in funding_created is refused', () => {
  const pair = begin();
  deliver(pair, pair.a);
  fund(pair);
  const message = upTo(pair, pair.b, 'funding_created');
  if (message.name !== 'funding_created') throw new Error(message.name);
  expect(hear(pair, pair.b, raised(message))).toBe('invalid_funding_signature');
});

test('a high-S signature in funding_signed is refused, and no coin moves', () => {
  const pair = begin();
  deliver(pair, pair.a);
  fund(pair);
  const message = upTo(pair, pair.a, 'funding_signed');
  if (message.name !== 'funding_signed') throw new Error(message.name);
  expect(hear(pair, pair.a, raised(message))).toBe('invalid_funding_signature');
  expect(pair.a.broadcasts).toEqual([]);
});

test.each([
  ['static_remotekey', openRequest],
  ['anchors_zero_fee_htlc_tx', anchorsRequest],
])('in commitment_signed, of the commitment or of an HTLC (%s)', (_, request) => {
  const one = signing(request);
  expect(hear(one.pair, one.pair.b, raised(one.message))).toBe('invalid_commitment_signature');

  const other = signing(request);
  const { htlc_signature } = other.message;
  expect(htlc_signature).toHaveLength(1);
  const changed = { ...other.message, htlc_signature: htlc_signature.map(high) };
  expect(hear(other.pair, other.pair.b, changed)).toBe('invalid_htlc_signature');

  const good = signing(request);
  expect(hear(good.pair, good.pair.b, good.message)).toBeUndefined();
});

test('a high-S signature in closing_signed is refused', () => {
  const pair = ready();
  give(pair, pair.a, { type: 'close' });
  const message = upTo(pair, pair.b, 'closing_signed');
  if (message.name !== 'closing_signed') throw new Error(message.name);
  expect(hear(pair, pair.b, raised(message))).toBe('invalid_closing_signature');
  settle(pair);
  expect(eventsOf(pair.b, 'closing')).toEqual([]);
});
