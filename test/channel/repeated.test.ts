/** Ids of HTLCs that come a second time (BOLT 2, "Adding an HTLC"): ignored where a reconnect explains it, a fault otherwise. */
import { describe, expect, test } from 'vitest';
import { msat } from '../../wire/units.ts';
import { cut, deliver, eventsOf, give, join, offerOf, type Pair, ready, type Side, settle } from './pair.ts';

describe('an HTLC that is offered again under its id', () => {
  /** An HTLC that `b` has in its commitment, and whose revocation `a` never hears of; then what `a` says once it is back. */
  const offeredAgain = (...again: readonly bigint[]): Pair => {
    const pair = ready();
    give(pair, pair.a, offerOf(5_000_000n, 1));
    give(pair, pair.a, { type: 'sign' });
    const offered = pair.b.inbox[0];
    if (offered?.name !== 'update_add_htlc') throw new Error('no offer');
    while (deliver(pair, pair.b));
    cut(pair);
    join(pair);
    for (const side of [pair.a, pair.b]) deliver(pair, side);
    for (const id of again)
      give(pair, pair.b, { type: 'message', message: { ...offered, id, amount_msat: msat(7_000_000n) } });
    return pair;
  };
  const ended = (side: Side) => side.asked.flatMap((effect) => (effect.do === 'disconnect' ? [effect.why] : []));

  test('after a reconnect is ignored, and the first offer stands', () => {
    const pair = offeredAgain(0n, 0n);
    expect(ended(pair.b)).toEqual([]);
    settle(pair);
    expect(eventsOf(pair.b, 'received')).toMatchObject([{ id: 0n, amount: 5_000_000n }]);
    give(pair, pair.a, offerOf(6_000_000n, 2));
    settle(pair);
    expect(eventsOf(pair.b, 'received').map(({ id }) => id)).toEqual([0n, 1n]);
  });

  test.each([
    ['that is not the next', () => offeredAgain(2n)],
    [
      'once the peer has revoked what came before it',
      () => {
        const pair = offeredAgain();
        settle(pair);
        give(pair, pair.a, offerOf(6_000_000n, 2));
        const [next] = pair.b.inbox;
        if (next?.name !== 'update_add_htlc') throw new Error('no offer');
        give(pair, pair.b, { type: 'message', message: { ...next, id: 0n } });
        return pair;
      },
    ],
    [
      'within a connection',
      () => {
        const pair = ready();
        give(pair, pair.a, offerOf(5_000_000n, 1));
        give(pair, pair.a, { type: 'sign' });
        const [offered] = pair.b.inbox;
        while (deliver(pair, pair.b));
        if (offered?.name === 'update_add_htlc') give(pair, pair.b, { type: 'message', message: offered });
        return pair;
      },
    ],
  ])('is a fault %s', (_, made) => {
    expect(ended(made().b)).toMatchObject([expect.stringMatching(/^htlc_id_out_of_order/)]);
  });
});
