/** HTLCs that no commitment has an output for: what paid for them does not wait until a commitment is in a block, and deep. */
import { describe, expect, test } from 'vitest';
import { CLAIM_BUFFER, GRACE_PERIOD } from '../../channel/rules/deadlines.ts';
import { sat } from '../../wire/units.ts';
import { onStage } from './onstage.ts';
import { coreOf, eventsOf, offerOf, secretOf, settle } from './pair.ts';
import { published } from './play.ts';
import { formatNames, mine, mineTo, reboot, tell, tip, type World } from './world.ts';

const world = onStage();

const fates = ({ pair }: World) => eventsOf(pair.a, 'resolved').map(({ id, result }) => [id, result.kind]);

/** A channel that `a` gave up for the deadline of an HTLC of so many satoshi; no block has its commitment. */
const givenUp = (format: (typeof formatNames)[number], amount: bigint) => {
  const so = world(format, { dust: sat(600n) });
  const expiry = tip(so) + 30;
  tell(so, 'a', { ...offerOf(amount * 1000n, 1), expiry });
  settle(so.pair);
  mineTo(so, expiry + GRACE_PERIOD);
  expect(so.pair.a.state).toMatchObject({ phase: 'failed' });
  return { so, late: expiry + CLAIM_BUFFER };
};

describe.each(formatNames)('an HTLC of %s without an output anywhere', (format) => {
  test('has failed some blocks after its expiry, whether or not a commitment is in the chain, and once', () => {
    const { so, late } = givenUp(format, 100n);
    mineTo(so, late - 1);
    expect(fates(so)).toEqual([]);
    mineTo(so, late);
    expect(fates(so)).toEqual([[0n, 'timed_out']]);
    mine(so, [published(so.pair.a)]);
    mineTo(so, late + 10);
    expect(fates(so)).toHaveLength(1);
  });

  test('is told again after a restart until that is acknowledged', () => {
    const { so, late } = givenUp(format, 100n);
    mineTo(so, late);
    reboot(so, 'a');
    expect(fates(so)).toHaveLength(2);
    tell(so, 'a', { type: 'acknowledge', id: 0n });
    reboot(so, 'a');
    expect(fates(so)).toHaveLength(2);
    expect(coreOf(so.pair.a).outgoing.get(0n)?.over).toBe(true);
  });

  test('has failed as early where a block has had a commitment for a moment only', () => {
    const { so, late } = givenUp(format, 100n);
    mineTo(so, late - 2);
    mine(so, [published(so.pair.a)]);
    expect(fates(so)).toEqual([]);
    mine(so);
    expect(fates(so)).toEqual([[0n, 'timed_out']]);
  });

  test('is fulfilled where its preimage was known', () => {
    const so = world(format);
    tell(so, 'a', { ...offerOf(100_000n, 1), expiry: tip(so) + 30 });
    settle(so.pair);
    tell(so, 'b', { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    settle(so.pair);
    tell(so, 'a', { type: 'force_close' });
    mineTo(so, tip(so) + 60);
    expect(fates(so)).toEqual([[0n, 'fulfilled']]);
  });
});

test('an HTLC that one commitment has an output for waits for the chain', () => {
  // `a` would have an output for it, above 354 sat, and `b`, above 600, would not.
  const { so, late } = givenUp('anchors_zero_fee_htlc_tx', 500n);
  mineTo(so, late + 10);
  expect(fates(so)).toEqual([]);
});

test('an HTLC that had an output before a raise, in a commitment that the peer has not revoked, waits for the chain', () => {
  const so = world('static_remotekey');
  const expiry = tip(so) + 30;
  // At 1,000 sat per 1,000 weight its own transaction takes 663 sat of it, at ten times as much more than all.
  tell(so, 'a', { ...offerOf(1_800_000n, 1), expiry });
  settle(so.pair);
  tell(so, 'a', { type: 'update_fee', feerate: 10_000 });
  tell(so, 'a', { type: 'sign' });
  so.pair.b.inbox = [];
  mineTo(so, expiry + CLAIM_BUFFER + 5);
  expect(so.pair.a.state.phase).toBe('failed');
  expect(fates(so)).toEqual([]);
});

test('a commitment newer than ours may hold an output for any HTLC, so none is failed early', () => {
  const { so, late } = givenUp('anchors_zero_fee_htlc_tx', 100n);
  const { state } = so.pair.a;
  if (state.phase !== 'failed') throw new Error(state.phase);
  so.pair.a.state = { ...state, outdated: true };
  mineTo(so, late + 10);
  expect(fates(so)).toEqual([]);
});
