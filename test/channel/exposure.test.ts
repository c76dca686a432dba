/** What a peer that funds may put into fees beyond what the chain asks: as little as we would lose in dust, and less of less. */
import { describe, expect, test } from 'vitest';
import type { Context, OpenRequest } from '../../channel/model/io.ts';
import { inRemote, specOf } from '../../channel/model/spec.ts';
import { acceptChannel, openChannel } from '../../channel/phases/transition.ts';
import { exposure, MAX_DUST_EXPOSURE } from '../../channel/rules/exposure.ts';
import { receivable, spendable } from '../../channel/rules/limits.ts';
import { commitmentFee, formats } from '../../channel/tx/commitmentformats.ts';
import { text } from '../../wire/bytes.ts';
import { msat, sat } from '../../wire/units.ts';
import {
  acceptRequest,
  context,
  coreOf,
  eventsOf,
  give,
  hashOf,
  kinds,
  limits,
  offerOf,
  openRequest,
  type Pair,
  ready,
  settle,
} from './pair.ts';

const wide = { ...limits, maxAcceptedHtlcs: 483, maxHtlcValueInFlight: msat(4_000_000_000n) };
const roomy = { ...acceptRequest, limits: wide };

const why = (pair: Pair): readonly (string | undefined)[] =>
  pair.b.asked.flatMap((effect) => (effect.do === 'disconnect' ? [effect.why.split(':')[0]] : []));

const says = (pair: Pair, feerate_per_kw: number, at: Context): void =>
  give(
    pair,
    pair.b,
    { type: 'message', message: { name: 'update_fee', channel_id: coreOf(pair.b).channelId, feerate_per_kw } },
    at,
  );

describe.each(kinds)('with %s, beyond the highest estimate of late', (name, request) => {
  const format = formats[name];
  const excess = (feerate: number, htlcs = 0) =>
    commitmentFee(format, feerate, htlcs) - commitmentFee(format, context.highestFeerate, htlcs);
  /** The highest feerate that leaves four fifths of a channel to its sides. */
  const highest = (capacity: bigint): number => {
    let feerate = 1000;
    while (excess(feerate + 1) <= capacity / 5n) feerate++;
    return feerate;
  };

  test('a funder may open a channel with a fifth of it in fees, and not with more', () => {
    const amount = sat(100_000n);
    const [open] = openChannel({ ...request, amount, feerate: 1000 }, context)[1];
    if (open?.do !== 'send' || open.message.name !== 'open_channel') throw new Error('no open_channel');
    const most = highest(amount);
    expect(most).toBeLessThan(context.maxFeerate);
    const ask = (feerate_per_kw: number) =>
      acceptChannel(
        { ...(open.message as typeof open.message & { name: 'open_channel' }), feerate_per_kw },
        roomy,
        context,
      );
    expect(ask(most)[0].phase).toBe('awaiting_funding_created');
    const [state, [error]] = ask(most + 1);
    expect(state.phase).toBe('abandoned');
    expect(error?.do === 'send' && error.message.name === 'error' && text(error.message.data)).toContain(
      'field feerate_per_kw',
    );
  });

  test('a funder may raise the feerate up to the same limit and not further, and lower it from any feerate', () => {
    const small: OpenRequest = { ...request, amount: sat(100_000n) };
    const most = highest(100_000n);
    const pair = ready(small, roomy);
    says(pair, most, context);
    expect(why(pair)).toEqual([]);
    says(pair, most + 1, context);
    expect(why(pair)).toEqual(['fee_overexposes']);

    // The estimates fell since.
    const fallen = { ...context, feerate: 253, highestFeerate: 253 };
    const standing = ready({ ...small, feerate: most }, roomy);
    for (const feerate of [most, most - 1]) says(standing, feerate, fallen);
    expect(why(standing)).toEqual([]);
  });

  test('a feerate that our estimate reached within the last two days is accepted', () => {
    const pair = ready({ ...request, amount: sat(100_000n) }, roomy);
    says(pair, highest(100_000n) + 1, { ...context, feerate: 253, highestFeerate: 5000 });
    expect(why(pair)).toEqual([]);
  });
});

describe('HTLCs of a commitment that pays too much', () => {
  const feerate = 20_000;
  /** The peer funds; each HTLC adds 172 weight to its commitment, and without anchors a transaction of its own. */
  const dear = (request: OpenRequest): Pair =>
    ready({ ...request, limits: wide, feerate, amount: sat(4_000_000n), push: msat(1_500_000_000n) }, roomy);

  test('are not offered beyond what we risk; what is left is what may be offered', () => {
    const pair = dear(openRequest);
    let offered = 0;
    while (spendable(coreOf(pair.b), context) > 30_000_000n) give(pair, pair.b, offerOf(30_000_000n, offered++));
    expect(offered).toBe(29);
    expect(eventsOf(pair.b, 'offer_refused')).toEqual([]);
    give(pair, pair.b, offerOf(30_000_000n, 100));
    expect(eventsOf(pair.b, 'offer_refused').map((event) => event.why.code)).toEqual(['dust_exposure']);
    settle(pair);
    const { params, head, outgoing } = coreOf(pair.b);
    const spec = specOf(coreOf(pair.b), inRemote(head.remote));
    const stands = exposure(params, 'remote', spec, context);
    expect(outgoing.size).toBe(offered);
    expect(stands).toBeLessThanOrEqual(MAX_DUST_EXPOSURE);
    expect(stands).toBeGreaterThan(MAX_DUST_EXPOSURE - 20_000_000n);

    const dust = spendable(coreOf(pair.b), context);
    expect(dust).toBeLessThan(20_000_000n);
    give(pair, pair.b, offerOf(dust + 1n, 200));
    give(pair, pair.b, offerOf(dust, 201));
    expect(eventsOf(pair.b, 'offer_refused')).toHaveLength(2);
  });

  test('are failed back beyond what we risk', () => {
    const pair = dear(openRequest);
    const add = (n: number) =>
      give(pair, pair.a, offerOf(30_000_000n, n), { ...context, highestFeerate: feerate, feerate: 20_000 });
    for (let n = 0; n < 30; n++) add(n);
    settle(pair);
    const before = eventsOf(pair.b, 'received');
    expect(before.filter(({ overexposed }) => overexposed)).toEqual([]);
    expect(receivable(coreOf(pair.b), context)).toBeLessThan(30_000_000n);
    add(100);
    settle(pair);
    expect(eventsOf(pair.b, 'received').at(-1)).toMatchObject({ paymentHash: hashOf(100), overexposed: true });
    expect(pair.b.state.phase).toBe('open');
  });

  test('are refused beyond twice that limit: even failed back, a revoked commitment with them could be published for ever', () => {
    const pair = dear(openRequest);
    for (let n = 0; n < 70; n++) {
      give(pair, pair.a, offerOf(30_000_000n, n), { ...context, neededFeerate: 0, highestFeerate: feerate });
      settle(pair);
    }
    const { params, head, incoming } = coreOf(pair.b);
    const stands = exposure(params, 'remote', specOf(coreOf(pair.b), inRemote(head.remote)), context);
    expect(stands).toBeLessThanOrEqual(2n * MAX_DUST_EXPOSURE);
    expect(stands).toBeGreaterThan(2n * MAX_DUST_EXPOSURE - 20_000_000n);
    expect(why(pair)).toEqual(['htlc_overexposes']);
    expect(eventsOf(pair.b, 'received').filter(({ overexposed }) => !overexposed)).toHaveLength(30);
    expect(incoming.size).toBeLessThan(70);
    expect(pair.b.state.phase).toBe('open');
  });

  test('are as good as any where we chose the feerate', () => {
    const pair = dear(openRequest);
    for (let n = 0; n < 60; n++) give(pair, pair.a, offerOf(30_000_000n, n));
    expect(eventsOf(pair.a, 'offer_refused')).toEqual([]);
  });
});
