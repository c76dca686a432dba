/** HTLCs that arrive by a channel which we began to close (BOLT 2: they should not be routed). */
import { expect, test } from 'vitest';
import { msat } from '../../wire/units.ts';
import { eventsOf, give, offerOf, openRequest, ready, restart, settle } from './pair.ts';

test('HTLCs that arrive after our shutdown are reported as closing, and after a restart so is every HTLC that still waits', () => {
  const pair = ready({ ...openRequest, push: msat(500_000_000n) });
  const { a, b } = pair;
  const told = () => eventsOf(a, 'received').map(({ id, closing }) => [id, closing]);
  give(pair, b, offerOf(2_000_000n, 1));
  settle(pair);
  // Its shutdown and the peer's HTLC cross.
  give(pair, a, { type: 'close' });
  give(pair, b, offerOf(3_000_000n, 2));
  settle(pair);
  expect(told()).toEqual([
    [0n, false],
    [1n, true],
  ]);
  a.events.length = 0;
  restart(pair, a);
  expect(told()).toEqual([
    [0n, true],
    [1n, true],
  ]);
});
