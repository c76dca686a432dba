/** A raise of the funder's that crosses small HTLCs of the other side on the wire. */
import { expect, test } from 'vitest';
import { msat, sat } from '../../wire/units.ts';
import {
  acceptRequest,
  context,
  coreOf,
  cut,
  eventsOf,
  give,
  join,
  offerOf,
  openRequest,
  type Pair,
  ready,
} from './pair.ts';
import { cutWhy } from './silence.ts';

/** The chain asks for twenty times as much. */
const dear = { ...context, feerate: 20_000, highestFeerate: 20_000, neededFeerate: 0, steadyFeerate: 0 };
const limits = { ...openRequest.limits, maxAcceptedHtlcs: 483, maxHtlcValueInFlight: msat(10_000_000_000n) };

/** `a` raises the feerate while so many HTLCs of `b`, of 12,000 sat each, are on their way to it. */
const crossed = (htlcs: number): Pair => {
  const open = { ...openRequest, limits, amount: sat(10_000_000n), push: msat(5_000_000_000n) };
  const pair: Pair = { ...ready(open, { ...acceptRequest, limits }) };
  give(pair, pair.a, { type: 'update_fee', feerate: 20_000 }, dear);
  for (let n = 0; n < htlcs; n++) give(pair, pair.b, offerOf(12_000_000n, n), dear);
  give(pair, pair.b, { type: 'sign' }, dear);
  expect(eventsOf(pair.b, 'offer_refused')).toEqual([]);
  return pair;
};

const run = (pair: Pair): void => {
  for (let round = 0; round < 4; round++) {
    for (const side of [pair.a, pair.b]) {
      for (let message = side.inbox.shift(); message !== undefined; message = side.inbox.shift())
        give(pair, side, { type: 'message', message }, dear);
      if (coreOf(side).link.status === 'online') give(pair, side, { type: 'sign' }, dear);
    }
  }
};

test('a feerate raise that crosses small HTLCs on the wire is accepted a little beyond the dust exposure limit: the funder cannot take it back', () => {
  const pair = crossed(60);
  run(pair);
  expect(cutWhy(pair.b)).toBeUndefined();
  expect(coreOf(pair.b).head.feerate).toBe(20_000);
});

test('a feerate raise that trims far too many crossing HTLCs is refused on every connection', () => {
  const pair = crossed(100);
  for (let connection = 0; connection < 2; connection++) {
    run(pair);
    expect(cutWhy(pair.b)).toMatch(/^fee_overexposes/);
    cut(pair);
    join(pair);
  }
  expect(coreOf(pair.b).head.feerate).toBe(1000);
});
