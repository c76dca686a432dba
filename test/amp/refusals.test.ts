/** What a payee tells a stranger: BOLT 4, "Failure Messages", has failures that a forwarder may send and a final node must not. */
import { expect, test } from 'vitest';
import { failureOf, refusals } from '../../amp/refusals.ts';
import { BADONION, failureCode, UPDATE } from '../../onion/failuremessages.ts';
import { msat } from '../../wire/units.ts';

const ofForwarders = [
  'permanent_channel_failure',
  'required_channel_feature_missing',
  'unknown_next_peer',
  'expiry_too_far',
];

test.each(refusals)('an HTLC refused as %s is not answered as a forwarder would', (why) => {
  const failure = failureOf(why, msat(1000n), 540, 500);
  expect(failureCode(failure) & (UPDATE | BADONION)).toBe(0);
  expect(ofForwarders).not.toContain(failure.name);
});
