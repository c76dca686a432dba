/** A close that the peer lets lie, and one that is taken up again after a reconnect. */

import { describe, expect, test } from 'vitest';
import type { ChannelMessageOf } from '../../channel/model/io.ts';
import { restore } from '../../channel/model/persist.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { sat } from '../../wire/units.ts';
import { closingSigned } from './closings.ts';
import {
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  give,
  join,
  offerOf,
  type Pair,
  ready,
  restart,
  secretOf,
  settle,
} from './pair.ts';
import { at, block, cutWhy, failure, names, pushed, unanswered } from './silence.ts';

/** Both shutdowns are exchanged, and the funder's closing_signed has reached nobody. */
const settleClosing = (pair: Pair): void => {
  for (let n = 0; n < 3; n++)
    for (const side of [pair.b, pair.a]) if (side.inbox[0]?.name !== 'closing_signed') deliver(pair, side);
  expect(pair.a.state.phase).toBe('negotiating');
};

/** closing_signed of the fundee's with a range that is nowhere near. */
const disjoint = (pair: Pair): ChannelMessageOf<'closing_signed'> => ({
  ...closingSigned(pair, 10_000n),
  fee_range: { min_fee_satoshis: sat(9_000n), max_fee_satoshis: sat(20_000n) },
});

describe('a cooperative close that the peer does not go on with', () => {
  const { closing_signed, shutdown, fee_range } = waitLimits;

  /** `a` has said shutdown and hears nothing. */
  const silent = (): Pair => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close' });
    pair.b.inbox = [];
    return pair;
  };
  const stages: Readonly<Record<string, () => Pair>> = {
    'before shutdown is answered': silent,
    'after shutdown, before closing_signed': () => {
      const pair = ready(pushed);
      give(pair, pair.a, { type: 'close' });
      deliver(pair, pair.b);
      deliver(pair, pair.a);
      expect(pair.a.state.phase).toBe('negotiating');
      pair.b.inbox = [];
      return pair;
    },
    'before it is there at all': () => {
      const pair = ready(pushed);
      cut(pair);
      give(pair, pair.a, { type: 'close' });
      return pair;
    },
    'owing a revocation': () => {
      const pair = unanswered();
      give(pair, pair.a, { type: 'close' });
      return pair;
    },
  };

  test.each(Object.entries(stages))(
    '%s fails the channel after two days, whatever is cut and restarted meanwhile',
    (_, bring) => {
      const pair = bring();
      const end = context.height + closing_signed.blocks;
      block(pair, pair.a, end - 200);
      cut(pair);
      restart(pair, pair.a);
      block(pair, pair.a, end - 1);
      expect(failure(pair.a)).toBeUndefined();
      block(pair, pair.a, end);
      expect(failure(pair.a)).toBe('close_timeout');
      expect(pair.a.broadcasts.at(-1)?.why).toBe('commitment');
    },
  );

  test('is not held against a peer that could not speak: a node that was away for two days hears it out for an hour', () => {
    const pair = silent();
    const back = context.height + 2 * closing_signed.blocks;
    cut(pair);
    restart(pair, pair.a);
    const tells = (height: number, reachableSince: number): void =>
      give(pair, pair.a, { type: 'block', height }, { ...at(height), reachableSince });
    tells(back, Number.POSITIVE_INFINITY);
    tells(back + 5, back);
    expect(failure(pair.a)).toBeUndefined();
    tells(back + 6, back);
    expect(failure(pair.a)).toBe('close_timeout');
  });

  test('fails the channel after two days when the peer began it and says no more', () => {
    const pair = ready(pushed);
    give(pair, pair.b, { type: 'close' });
    deliver(pair, pair.a);
    block(pair, pair.a, context.height + closing_signed.blocks);
    expect(failure(pair.a)).toBe('close_timeout');
  });

  test('with an HTLC in it is left to the HTLC’s deadline, and fails after two weeks at most', () => {
    const pair = ready(pushed);
    give(pair, pair.b, { ...offerOf(50_000_000n, 1), expiry: context.height + 2016 });
    settle(pair);
    give(pair, pair.a, { type: 'close' });
    const end = context.height + shutdown.blocks;
    block(pair, pair.a, end - 1);
    expect(failure(pair.a)).toBeUndefined();
    block(pair, pair.a, end);
    expect(failure(pair.a)).toBe('close_timeout');
  });

  test('counts from when the last HTLC was gone', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    expect(coreOf(pair.a).closingSince).toEqual({ by: 'us', began: context.height, empty: undefined });
    const gone = context.height + 30;
    const later: Pair = { ...pair, height: () => gone };
    give(later, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    settle(later);
    expect(coreOf(pair.a).closingSince).toEqual({ by: 'us', began: context.height, empty: gone });
  });

  test('that is agreed waits for miners, and not for the peer', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    block(pair, pair.a, context.height + shutdown.blocks);
    expect(failure(pair.a)).toBe('closing_not_mined');
  });

  test('is remembered with the heights it counts from, and by channels of before in time', () => {
    const pair = silent();
    const kept = restore(pair.a.disk);
    expect('core' in kept && kept.core.closingSince).toEqual({
      by: 'us',
      began: context.height,
      empty: context.height,
    });
    pair.a.disk.delete('since');
    cut(pair);
    restart(pair, pair.a);
    expect(coreOf(pair.a).closingSince).toEqual({ by: 'us', began: context.height, empty: context.height });
  });

  test('whose fee ranges never meet is retried for a day, then the channel fails', () => {
    const pair = ready(pushed);
    give(pair, pair.a, { type: 'close', feerates: { min: 253, max: 300 } });
    settleClosing(pair);
    const apart = (height: number): void => {
      const message = disjoint(pair);
      give(pair, pair.a, { type: 'message', message }, at(height));
    };
    apart(context.height + fee_range.blocks - 1);
    expect(cutWhy(pair.a)).toBe('closing_ranges_disjoint');
    expect(failure(pair.a)).toBeUndefined();
    cut(pair);
    join(pair);
    settleClosing(pair);
    apart(context.height + fee_range.blocks);
    expect(eventsOf(pair.a, 'failed')).toMatchObject([
      { fault: { code: 'close_timeout', awaited: 'fee_range', blocks: fee_range.blocks }, broadcast: true },
    ]);
  });
});

describe('after a reconnect', () => {
  test('shutdown stands before an update that waited for the connection', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    give(pair, pair.b, { type: 'close' });
    settle(pair);
    cut(pair);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    join(pair);
    deliver(pair, pair.b);
    expect(names(pair.a)).toEqual(['channel_reestablish', 'shutdown', 'update_fulfill_htlc']);
    settle(pair);
    expect(pair.a.broadcasts.at(-1)?.why).toBe('closing');
  });

  test('shutdown that was not said yet waits until such an update is signed', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    cut(pair);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    give(pair, pair.b, { type: 'close' });
    join(pair);
    deliver(pair, pair.b);
    give(pair, pair.b, { type: 'sign' });
    expect(names(pair.a)).toEqual(['channel_reestablish', 'update_fulfill_htlc', 'commitment_signed', 'shutdown']);
  });

  test('what the peer has no signature for is said again before shutdown', () => {
    const pair = ready(pushed);
    give(pair, pair.a, offerOf(50_000_000n, 1));
    settle(pair);
    give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
    give(pair, pair.b, { type: 'sign' });
    give(pair, pair.b, { type: 'close' });
    cut(pair);
    join(pair);
    deliver(pair, pair.b);
    expect(names(pair.a)).toEqual(['channel_reestablish', 'update_fulfill_htlc', 'commitment_signed', 'shutdown']);
  });
});
