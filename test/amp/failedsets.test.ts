/** A set that failed: its set_id is refused for a while, in bounded memory, unless what it failed of was ours and may pass. */
import { describe, expect, test } from 'vitest';
import { listSets } from '../../amp/receiving.ts';
import { schemeNames } from '../../amp/schemes.ts';
import { paymentHash } from '../../wire/units.ts';
import { at, bytes32, type Htlc, keyOf, ReceiverUnderTest, run, settled, WRONG, whys } from './receiver.ts';
import { amp } from './sets.ts';

describe.each(schemeNames)('a set of scheme %s', (scheme) => {
  test('that was failed is refused at once for ten minutes, its HTLCs gone or not and across a restart, and may begin again then', () => {
    const htlcs = amp({ scheme, parts: 2 });
    const receiver = run(htlcs.slice(0, 1));
    receiver.tick(61);
    expect(receiver.resolution(0)).toBe('mpp_timeout');
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(5) });
    receiver.resolve();
    expect(listSets(receiver.state)).toEqual([]);
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(6) });
    for (let minute = 0; minute < 9; minute++) receiver.tick(60);
    receiver.tick(59);
    receiver.restart();
    receiver.arrive({ ...at(htlcs, 1), key: keyOf(7) });
    expect([5, 6, 7].map((id) => receiver.resolution(id))).toEqual([WRONG, WRONG, WRONG]);
    expect(whys(receiver)).toEqual(['timeout', 'already_failed', 'already_failed', 'already_failed']);
    receiver.tick(61);
    for (const [i, htlc] of htlcs.entries()) receiver.arrive({ ...htlc, key: keyOf(10 + i) });
    expect([receiver.resolution(10), receiver.resolution(11)]).toEqual(settled(2));
    expect(receiver.state.failed).toEqual([]);
  });

  test('that gave way to another may be tried again, since nothing is wrong with it', () => {
    const few = (fresh: ReceiverUnderTest): void => {
      fresh.context = { ...fresh.context, limits: { ...fresh.context.limits, setsPerPeer: 1 } };
    };
    const htlcs = amp({ scheme, parts: 2 });
    const [other] = amp({ scheme, parts: 2, seed: 2, firstKey: 20, amount: 2000n });
    const receiver = run([at(htlcs, 0), other as Htlc], few);
    expect(receiver.resolution(0)).toBe('temporary_node_failure');
    receiver.resolve();
    receiver.tick(61);
    for (const [i, htlc] of htlcs.entries()) receiver.arrive({ ...htlc, key: keyOf(10 + i) });
    expect([receiver.resolution(10), receiver.resolution(11)]).toEqual(settled(2));
  });
});

test('what is remembered of failed sets is bounded', () => {
  const receiver = new ReceiverUnderTest();
  receiver.context = { ...receiver.context, limits: { ...receiver.context.limits, rememberedFailed: 64 } };
  receiver.checked = false;
  for (let seed = 0; seed < 80; seed++) {
    const htlcs = amp({ scheme: 'dynamic', parts: 2, seed, firstKey: 2 * seed });
    receiver.arrive(at(htlcs, 0));
    receiver.arrive({ ...at(htlcs, 1), paymentHash: paymentHash(bytes32(9)) });
    receiver.resolve();
  }
  expect(receiver.state.failed.reduce((sum, { ids }) => sum + ids.size, 0)).toBe(64);
  expect(receiver.store.size).toBe(64);
});
