/** What a forwarder answers: BOLT 4's failure for each promise of our policy that an HTLC does not keep. */
import { describe, expect, test } from 'vitest';
import { forwardFailure, type OutgoingChannel } from '../../node/forward/forwardingpolicy.ts';
import { decodeOrigin, encodeOrigin } from '../../node/pay/origin.ts';
import { msat } from '../../wire/units.ts';

const update = Uint8Array.of(1, 2, 3);
const channel: OutgoingChannel = {
  status: 'usable',
  update,
  policy: {
    feeBase: msat(1000n),
    feeProportional: 100,
    cltvExpiryDelta: 40,
    htlcMinimum: msat(500n),
    htlcMaximum: msat(900_000_000n),
    disabled: false,
  },
};
const HEIGHT = 1000;
/** Keeps every promise to the letter: 1,000,000 msat onwards cost 1,100. */
const fits = {
  incoming: { amount: msat(1_001_100n), expiry: 1100 + 40 },
  payload: { amtToForward: msat(1_000_000n), outgoingCltvValue: 1100 },
};

describe('an HTLC is passed on', () => {
  test('when it pays the fee and leaves the delay, to the last millisatoshi and block', () => {
    expect(forwardFailure(fits.incoming, fits.payload, channel, HEIGHT)).toBeUndefined();
  });
  test('when it expires as late as may be, on both sides', () => {
    const far = {
      incoming: { ...fits.incoming, expiry: HEIGHT + 2056 },
      payload: { ...fits.payload, outgoingCltvValue: HEIGHT + 2016 },
    };
    expect(forwardFailure(far.incoming, far.payload, channel, HEIGHT)).toBeUndefined();
  });
  test('when it pays more and leaves more', () => {
    const incoming = { amount: msat(2_000_000n), expiry: 1500 };
    expect(forwardFailure(incoming, fits.payload, channel, HEIGHT)).toBeUndefined();
  });
});

describe('an HTLC that goes by what the channel asked before its last change', () => {
  const previousPolicy = channel.policy;
  const policy = { ...previousPolicy, feeBase: msat(5000n), cltvExpiryDelta: 80 };
  const changed = { ...channel, policy, previousPolicy };
  test('is passed on, and failed back once that is too long ago', () => {
    expect(forwardFailure(fits.incoming, fits.payload, changed, HEIGHT)).toBeUndefined();
    expect(forwardFailure(fits.incoming, fits.payload, { ...channel, policy }, HEIGHT)).toMatchObject({
      name: 'fee_insufficient',
    });
  });
  test('is failed back by the new terms where it keeps neither wholly', () => {
    const mixed = { amount: msat(1_005_100n), expiry: 1100 + 39 };
    expect(forwardFailure(mixed, fits.payload, changed, HEIGHT)).toMatchObject({ name: 'incorrect_cltv_expiry' });
  });
});

describe('an HTLC is failed back', () => {
  type Case = {
    readonly why: string;
    readonly failure: object;
    readonly incoming?: Partial<typeof fits.incoming>;
    readonly payload?: Partial<typeof fits.payload>;
    readonly outgoing?: OutgoingChannel | undefined;
  };
  const cases: readonly Case[] = [
    { why: 'no such channel', outgoing: undefined, failure: { name: 'unknown_next_peer' } },
    {
      why: 'the channel is being closed',
      outgoing: { ...channel, status: 'closing' },
      failure: { name: 'unknown_next_peer' },
    },
    {
      why: 'its peer is away',
      outgoing: { ...channel, status: 'unavailable' },
      failure: { name: 'temporary_channel_failure', channel_update: update },
    },
    {
      why: 'we disabled the channel',
      outgoing: { ...channel, policy: { ...channel.policy, disabled: true } },
      failure: { name: 'channel_disabled', disabled_flags: 0, channel_update: update },
    },
    {
      why: 'one millisatoshi of fee is missing',
      incoming: { amount: msat(1_001_099n) },
      failure: { name: 'fee_insufficient', htlc_msat: msat(1_001_099n), channel_update: update },
    },
    {
      why: 'it carries less onwards than the minimum',
      payload: { amtToForward: msat(499n) },
      failure: { name: 'amount_below_minimum', htlc_msat: msat(499n), channel_update: update },
    },
    {
      why: 'it carries more onwards than the maximum',
      incoming: { amount: msat(2_000_000_000n) },
      payload: { amtToForward: msat(900_000_001n) },
      failure: { name: 'temporary_channel_failure', channel_update: update },
    },
    {
      why: 'one block of delay is missing',
      incoming: { expiry: 1139 },
      failure: { name: 'incorrect_cltv_expiry', cltv_expiry: 1100, channel_update: update },
    },
    {
      why: 'it expires too soon',
      payload: { outgoingCltvValue: HEIGHT + 3 },
      failure: { name: 'expiry_too_soon', channel_update: update },
    },
    {
      why: 'it would lock our funds too long',
      incoming: { expiry: HEIGHT + 5000 },
      payload: { outgoingCltvValue: HEIGHT + 2017 },
      failure: { name: 'expiry_too_far' },
    },
    {
      why: 'it comes with far more delay than what goes on needs',
      incoming: { expiry: HEIGHT + 2016 + 41 },
      failure: { name: 'expiry_too_far' },
    },
  ];
  test.each(cases)('because $why', ({ incoming, payload, failure, ...rest }) => {
    const outgoing = 'outgoing' in rest ? rest.outgoing : channel;
    const answer = forwardFailure({ ...fits.incoming, ...incoming }, { ...fits.payload, ...payload }, outgoing, HEIGHT);
    expect(answer).toEqual(failure);
  });
});

describe('the origin of an HTLC', () => {
  test.each([
    { kind: 'forward', channel: 'ab12', id: 18_446_744_073_709_551_615n },
    { kind: 'payment', payment: 'p', attempt: 4_294_967_295 },
  ] as const)('comes back as it went in: $kind', (origin) => {
    expect(decodeOrigin(encodeOrigin(origin))).toEqual(origin);
  });
});
