/** What we announce of a channel for HTLCs over it: no more than it holds, and no more than its peer takes. BOLT 7, "channel_update". */
import { expect, test } from 'vitest';
import { coreOf } from '../../node/channels/entry.ts';
import { policyOf } from '../../node/channels/views.ts';
import { msat } from '../../wire/units.ts';
import { ready } from '../channel/pair.ts';

const fees = { feeBase: msat(1000n), feePerSatoshi: 10, cltvDelta: 40 };
/** The policy of a channel of this capacity, whose peer asks for this reserve, least and most. */
const policy = (capacity: bigint, reserve: bigint, inFlight: bigint, least = 1n) => {
  const core = coreOf(ready().a.state);
  if (core === undefined) throw new Error('no channel');
  const remote = { ...core.params.remote, reserve, maxHtlcValueInFlight: inFlight, htlcMinimum: least };
  return policyOf({ ...core, params: { ...core.params, capacity, remote } as never }, fees);
};

test.each([
  ['what the channel holds above the reserve', 1_000_000n, 10_000n, 2n ** 64n - 1n, 990_000_000n],
  ['what the peer takes in flight', 1_000_000n, 10_000n, 5_000_000n, 5_000_000n],
])('htlc_maximum_msat is at most %s', (_, capacity, reserve, inFlight, most) => {
  const { htlcMaximum } = policy(capacity, reserve, inFlight);
  expect(htlcMaximum).toBe(most);
  expect(htlcMaximum <= capacity * 1000n).toBe(true);
});

test.each([
  [0n, 1n],
  [1n, 1n],
  [1000n, 1000n],
])('htlc_minimum_msat is what the peer takes at least, and never nothing: %d', (least, announced) => {
  expect(policy(1_000_000n, 10_000n, 10n ** 9n, least).htlcMinimum).toBe(announced);
});

test.each([
  [1_000_000n, false],
  [1_000_001n, true],
])('where the peer takes %d msat at least and a million in flight, the channel is disabled: %s', (least, disabled) => {
  const announced = policy(1_000_000n, 10_000n, 1_000_000n, least);
  expect(announced.disabled).toBe(disabled);
  expect(announced.htlcMinimum <= announced.htlcMaximum).toBe(true);
});
