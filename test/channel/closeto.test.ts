/** Where a close may pay to: what comes to nothing is said at once, and what stands is not replaced. */
import { describe, expect, test } from 'vitest';
import { records, restore } from '../../channel/model/persist.ts';
import {
  acceptRequest,
  coreOf,
  cut,
  eventsOf,
  features,
  give,
  join,
  offerOf,
  openRequest,
  ready,
  restart,
  type Side,
  scriptOf,
  settle,
} from './pair.ts';

const p2pkh = Uint8Array.of(0x76, 0xa9, 20, ...new Array(20).fill(7), 0x88, 0xac);
const p2sh = Uint8Array.of(0xa9, 20, ...new Array(20).fill(7), 0x87);
const p2wsh = Uint8Array.of(0, 32, ...new Array(32).fill(7));
const p2tr = Uint8Array.of(0x51, 32, ...new Array(32).fill(7));

const refusals = (side: Side) => eventsOf(side, 'close_refused').map(({ why }) => why);
const withoutAnysegwit = { ...features, anysegwit: false };
const old = () =>
  ready({ ...openRequest, features: withoutAnysegwit }, { ...acceptRequest, features: withoutAnysegwit });

describe('a close to a script', () => {
  test.each([
    ['P2PKH', p2pkh],
    ['P2SH', p2sh],
  ])('that no peer takes, %s, is refused and nothing is said to the peer', (_, script) => {
    const pair = ready();
    give(pair, pair.a, { type: 'close', script });
    expect(refusals(pair.a)).toEqual([{ code: 'script_not_allowed' }]);
    expect(pair.b.inbox).toEqual([]);
    give(pair, pair.a, offerOf(5_000_000n, 1));
    expect(eventsOf(pair.a, 'offer_refused')).toEqual([]);
  });

  test('of P2TR is refused where the peer does not know option_shutdown_anysegwit, and while it is away', () => {
    const pair = old();
    give(pair, pair.a, { type: 'close', script: p2tr });
    expect(refusals(pair.a)).toEqual([{ code: 'script_not_known_to_peer' }]);
    const away = ready();
    cut(away);
    give(away, away.a, { type: 'close', script: p2tr });
    expect(refusals(away.a)).toEqual([{ code: 'script_unsure' }]);
    give(away, away.a, { type: 'close', script: p2wsh });
    join(away);
    settle(away);
    expect(refusals(away.a)).toHaveLength(1);
    expect(eventsOf(away.a, 'closing')).toHaveLength(1);
  });

  test('other than the one of the close under way is refused, whichever side began it', () => {
    const pair = ready();
    give(pair, pair.a, offerOf(5_000_000n, 1));
    settle(pair);
    give(pair, pair.a, { type: 'close', script: p2wsh });
    settle(pair);
    give(pair, pair.a, { type: 'close', script: p2tr });
    give(pair, pair.b, { type: 'close', script: p2tr });
    expect(refusals(pair.a)).toEqual([{ code: 'script_stands', script: p2wsh }]);
    expect(refusals(pair.b)).toEqual([{ code: 'script_stands', script: scriptOf(2) }]);
    give(pair, pair.a, { type: 'close', script: p2wsh });
    give(pair, pair.b, { type: 'fail', id: 0n, reason: new Uint8Array() });
    settle(pair);
    expect(pair.a.state.phase).toBe('negotiating');
    give(pair, pair.a, { type: 'close', script: p2tr });
    expect(refusals(pair.a)).toHaveLength(2);
  });

  test('of a channel that is being force-closed is refused', () => {
    const pair = ready();
    give(pair, pair.a, { type: 'force_close' });
    give(pair, pair.a, { type: 'close', script: p2wsh });
    expect(refusals(pair.a)).toEqual([{ code: 'ends_otherwise' }]);
  });
});

test.each(['a', 'b'] as const)('who began a close is known, also after a restart: %s', (who) => {
  const pair = ready();
  give(pair, pair[who], { type: 'close' });
  settle(pair);
  const other = who === 'a' ? 'b' : 'a';
  cut(pair);
  for (const side of [pair.a, pair.b]) restart(pair, side);
  expect(coreOf(pair[who]).closingSince?.by).toBe('us');
  expect(coreOf(pair[other]).closingSince?.by).toBe('peer');
});

test('an older record of a close says when it began, and not by whom', () => {
  const pair = ready();
  give(pair, pair.a, { type: 'close' });
  const kept = new Map(records(pair.a.state));
  kept.delete('closer');
  expect(restore(kept).core.closingSince).toEqual({ by: undefined, began: 500, empty: 500 });
});
