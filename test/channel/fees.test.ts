/** The feerate of commitments: what the funder asks for and when, how high it can go, and what a fundee puts up with. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Context, OpenRequest } from '../../channel/model/io.ts';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import { wantsToSign } from '../../channel/phases/transition.ts';
import { changeBounds, commitmentFeerate, openingBounds, wantedFeerate } from '../../channel/rules/fees.ts';
import { formats, openerCost } from '../../channel/tx/commitmentformats.ts';
import { msat } from '../../wire/units.ts';
import {
  acceptRequest,
  anchorsRequest,
  begin,
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  fund,
  give,
  offerOf,
  openRequest,
  type Pair,
  ready,
  roomyRequest,
  type Side,
  settle,
} from './pair.ts';

const at = (feerate: number, more: Partial<Context> = {}): Context => ({
  ...context,
  ...{ feerate, neededFeerate: feerate },
  ...more,
});
const feerateOf = (side: Side): number => specOf(coreOf(side), inLocal(coreOf(side).head.local)).feerate;

/** The estimate changes; both sides come to rest. */
const estimate = (pair: Pair, feerate: number, more: Partial<Context> = {}): number => {
  give(pair, pair.a, { type: 'update_fee' }, at(feerate, more));
  settle(pair);
  expect(feerateOf(pair.a)).toBe(feerateOf(pair.b));
  return feerateOf(pair.b);
};

/** What the funder has above its reserve once a commitment's cost is paid. */
const spare = (side: Side): bigint => {
  const { params, head } = coreOf(side);
  const { toUs, feerate, htlcs } = specOf(coreOf(side), inLocal(head.local));
  return toUs / 1000n - params.remote.reserve - openerCost(formats[params.format], feerate, htlcs.length);
};

describe('the feerate of a new commitment', () => {
  const rows: readonly (readonly [keyof typeof formats, number, number, number])[] = [
    ['static_remotekey', 1000, 253, 1000],
    ['static_remotekey', 90_000, 253, 90_000],
    ['static_remotekey', 100, 253, 253],
    ['static_remotekey', 1000, 4000, 4000],
    ['anchors_zero_fee_htlc_tx', 1000, 253, 1000],
    ['anchors_zero_fee_htlc_tx', 2501, 253, 2500],
    ['anchors_zero_fee_htlc_tx', 90_000, 253, 2500],
    ['anchors_zero_fee_htlc_tx', 90_000, 4000, 4000],
    ['anchors_zero_fee_htlc_tx', 100, 253, 253],
  ];
  test.each(rows)('with %s, an estimate of %d and %d to be relayed: %d', (format, feerate, relayFeerate, expected) => {
    expect(commitmentFeerate(formats[format], at(feerate, { relayFeerate }))).toBe(expected);
  });

  test('is the estimate from the opening on unless the caller gives another', () => {
    const asked = (request: OpenRequest) => feerateOf(ready({ ...request, feerate: undefined }).b);
    expect([asked(openRequest), asked(anchorsRequest)]).toEqual([1000, 1000]);
  });
});

describe('the funder changes the feerate', () => {
  const rows: readonly (readonly [string, number, number, number])[] = [
    ['not for a tenth more', 1000, 1100, 1000],
    ['for more than a tenth more', 1000, 1101, 1101],
    ['not for half', 1000, 500, 1000],
    ['for less than half', 1000, 499, 499],
    ['never below what is relayed anywhere', 1000, 100, 253],
    ['not when nothing changed', 253, 253, 253],
  ];
  test.each(rows)('%s', (_, before, feerate, after) => {
    expect(estimate(ready({ ...openRequest, feerate: before }), feerate)).toBe(after);
  });

  test('with anchors up to 10 sat/vbyte, and beyond that only to be relayed at all', () => {
    const pair = ready(anchorsRequest);
    expect(estimate(pair, 30_000)).toBe(2500);
    expect(estimate(pair, 30_000, { relayFeerate: 2600 })).toBe(2600);
    expect(estimate(pair, 30_000)).toBe(2600);
    expect(estimate(pair, 1000)).toBe(1000);
  });

  test('once, however the estimate wavers within a tenth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 20_000 }), fc.array(fc.integer({ min: 0, max: 100 })), (base, steps) => {
        const pair = ready();
        const first = estimate(pair, base);
        for (const step of steps) {
          const wavering = Math.floor(first * (1 + step / 1000));
          expect(wantedFeerate(coreOf(pair.a), at(wavering))).toBeUndefined();
        }
      }),
      { numRuns: 30 },
    );
  });

  test('only as the funder, once both are ready, while the peer is there', () => {
    const pair = ready();
    give(pair, pair.b, { type: 'update_fee' }, at(3000));
    expect(pair.a.inbox).toEqual([]);
    cut(pair);
    give(pair, pair.a, { type: 'update_fee' }, at(3000));
    expect(pair.b.inbox).toEqual([]);

    const unready = begin();
    deliver(unready, unready.a);
    fund(unready);
    settle(unready);
    give(unready, unready.a, { type: 'update_fee' }, at(3000));
    expect(unready.b.inbox).toEqual([]);
  });

  test('also while a close waits for HTLCs, but not after the last', () => {
    const pair = ready();
    give(pair, pair.a, offerOf(5_000_000n, 1));
    settle(pair);
    give(pair, pair.b, { type: 'close' });
    settle(pair);
    expect(estimate(pair, 3000)).toBe(3000);

    const dry = ready();
    give(dry, dry.a, { type: 'close' });
    dry.b.inbox = [];
    give(dry, dry.a, { type: 'update_fee' }, at(3000));
    expect(dry.b.inbox).toEqual([]);
  });

  test('not while its last revocation, with which the peer begins to negotiate the close, is on its way', () => {
    const pair = ready();
    give(pair, pair.a, offerOf(5_000_000n, 1));
    settle(pair);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    give(pair, pair.b, { type: 'fail', id: 0n, reason: Uint8Array.of(1) });
    while (pair.b.state.phase === 'open')
      for (const side of [pair.a, pair.b]) {
        if (wantsToSign(side.state)) give(pair, side, { type: 'sign' });
        if (pair.b.state.phase === 'open') deliver(pair, side);
      }
    expect(pair.a.state.phase).toBe('open');
    pair.b.inbox = [];
    give(pair, pair.a, { type: 'update_fee' }, at(3000));
    expect(pair.b.inbox).toEqual([]);
  });
});

describe.each([
  ['static_remotekey', openRequest],
  ['anchors_zero_fee_htlc_tx', anchorsRequest],
] as const)('what the funder can afford of it with %s', (name, request) => {
  // Above the reserve of 10,000 sat there are 12,000 for the commitment.
  const poor = (): Pair => ready({ ...request, push: msat(978_000_000n) });
  const high = { relayFeerate: 90_000 };

  test('is the highest feerate that leaves the reserve alone, with room for one HTLC of the peer', () => {
    const pair = poor();
    const reached = estimate(pair, 90_000, high);
    expect(reached).toBeGreaterThan(5000);
    expect(12_000n).toBeGreaterThanOrEqual(openerCost(formats[name], reached, 1));
    expect(12_000n).toBeLessThan(openerCost(formats[name], reached + 1, 1));
    give(pair, pair.b, offerOf(100_000_000n, 1));
    settle(pair);
    expect(eventsOf(pair.a, 'received')).toHaveLength(1);
    expect(spare(pair.a)).toBeGreaterThanOrEqual(0n);
  });

  test('is not approached in small steps', () => {
    const pair = poor();
    const reached = estimate(pair, 90_000, high);
    for (let n = 0; n < 5; n++) expect(wantedFeerate(coreOf(pair.a), at(90_000, high))).toBeUndefined();
    expect(feerateOf(pair.a)).toBe(reached);
  });

  test('may be less than it was, also for who has nothing above the reserve', () => {
    const pair = poor();
    estimate(pair, 90_000, high);
    give(pair, pair.b, offerOf(100_000_000n, 1));
    settle(pair);
    expect(estimate(pair, 1000)).toBe(1000);
  });
});

test('the feerate is not raised so far that trimmed HTLCs exceed the dust exposure limit', () => {
  const many = roomyRequest;
  const pair = ready({ ...openRequest, feerate: 253 }, many);
  // 138 HTLCs of 3,700 sat: 510,600 sat, dust for a received one from 3,346 sat / 703 weight on, about 4,760 sat.
  for (let n = 0; n < 138; n++) give(pair, pair.a, offerOf(3_700_000n, n), at(253));
  settle(pair);
  const reached = estimate(pair, 9000);
  expect(reached).toBeGreaterThan(4000);
  expect(reached).toBeLessThan(5100);
});

describe('a fundee', () => {
  const bounds = { ...context, minFeerate: 800, maxFeerate: 45_000, relayFeerate: 600, lowestRelayFeerate: 400 };
  const [plain, anchors] = [formats.static_remotekey, formats.anchors_zero_fee_htlc_tx];

  test.each([
    ['by a tenth of the estimates where HTLCs depend on it', plain, bounds, { min: 800, max: 45_000 }],
    ['by what is relayed now where fees can be added', anchors, bounds, { min: 600, max: 45_000 }],
    ['never by less than is relayed anywhere', anchors, { ...bounds, relayFeerate: 100 }, { min: 253, max: 45_000 }],
  ] as const)('bounds what it is opened with %s', (_, format, at, expected) => {
    expect(openingBounds(format, at)).toEqual(expected);
  });

  test.each([
    ['by a tenth of the estimates where HTLCs depend on it', plain, 5000, { min: 800, max: 45_000 }],
    ['by what was relayed of late where fees can be added', anchors, 5000, { min: 400, max: 45_000 }],
    ['by what stands, where that is less', plain, 700, { min: 700, max: 45_000 }],
    ['by what stands, where less than that is relayed', anchors, 300, { min: 300, max: 45_000 }],
    ['by what stands, where that is more', plain, 60_000, { min: 800, max: 60_000 }],
  ] as const)('bounds what it is changed to %s', (_, format, standing, expected) => {
    expect(changeBounds(format, bounds, standing)).toEqual(expected);
  });

  test.each([
    ['static_remotekey', openRequest, 800, 45_000],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, 600, 45_000],
  ] as const)('is opened a channel with %s within those bounds, edges included', (_, request, min, max) => {
    const phase = (feerate: number) => begin({ ...request, feerate }, acceptRequest, bounds).b.state.phase;
    expect([min, max].map(phase)).toEqual(['awaiting_funding_created', 'awaiting_funding_created']);
    expect([min - 1, max + 1].map(phase)).toEqual(['abandoned', 'abandoned']);
  });

  /** Whether it takes an update_fee of a channel that was opened with some feerate. */
  const takes = (request: OpenRequest, from: number, feerate_per_kw: number, at: Partial<Context>): boolean => {
    const pair = ready({ ...request, feerate: from });
    const message = { name: 'update_fee', channel_id: coreOf(pair.b).channelId, feerate_per_kw } as const;
    give(pair, pair.b, { type: 'message', message }, { ...context, ...at });
    expect(pair.b.state.phase).toBe('open');
    return !pair.b.asked.some((effect) => effect.do === 'disconnect');
  };

  test.each([
    ['static_remotekey', openRequest, 799, false],
    ['static_remotekey', openRequest, 800, true],
    ['static_remotekey', openRequest, 20_000, true],
    ['static_remotekey', openRequest, 20_001, false],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, 400, true],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, 399, false],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, 20_000, true],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, 20_001, false],
  ] as const)('of a channel with %s takes a change within its bounds', (_, request, feerate, taken) => {
    const at = { minFeerate: 800, maxFeerate: 20_000, relayFeerate: 600, lowestRelayFeerate: 400 };
    expect(takes(request, 1000, feerate, at)).toBe(taken);
  });

  test.each([
    ['lowered', 599, false],
    ['left', 600, true],
    ['raised, if too little', 601, true],
  ])('that has less than it wants takes a feerate that is %s: %d, %s', (_, feerate, taken) => {
    for (const request of [openRequest, anchorsRequest])
      expect(takes(request, 600, feerate, { minFeerate: 800, lowestRelayFeerate: 800 })).toBe(taken);
  });

  test.each([
    ['raised', 5001, false],
    ['left', 5000, true],
    ['lowered, if too much', 4999, true],
  ])('that has more than it wants takes a feerate that is %s: %d, %s', (_, feerate, taken) => {
    for (const request of [openRequest, anchorsRequest])
      expect(takes(request, 5000, feerate, { maxFeerate: 4000 })).toBe(taken);
  });

  test('takes less from a funder that cannot even afford that: what stands would leave it with more', () => {
    const pair = ready({ ...openRequest, feerate: 5000, push: msat(970_000_000n) });
    give(pair, pair.b, offerOf(100_000_000n, 1));
    give(pair, pair.b, { type: 'sign' });
    // The funder has 20,000 sat above its reserve, enough for one HTLC at 5,000 sat/kw and not for so many.
    for (let n = 2; n < 30; n++) give(pair, pair.b, offerOf(10_000_000n, n));
    settle(pair);
    expect(estimate(pair, 2000)).toBe(2000);
  });

  test.each([
    ['static_remotekey', openRequest, true],
    ['anchors_zero_fee_htlc_tx', anchorsRequest, false],
  ] as const)('of a channel with %s does not let a funder turn its HTLCs into fees', (_, request, matters) => {
    const pair = ready({ ...request, feerate: 253 }, roomyRequest);
    for (let n = 0; n < 138; n++) give(pair, pair.a, offerOf(3_700_000n, n), at(253));
    settle(pair);
    const message = { name: 'update_fee', channel_id: coreOf(pair.b).channelId, feerate_per_kw: 6000 } as const;
    give(pair, pair.b, { type: 'message', message });
    const why = pair.b.asked.flatMap((effect) => (effect.do === 'disconnect' ? [effect.why.split(':')[0]] : []));
    expect(why).toEqual(matters ? ['fee_overexposes'] : []);
  });
});
