/** Ways out of a channel: what both signed does not keep our commitment from the chain when nobody mines it. */
import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { restore } from '../../channel/model/persist.ts';
import { CLOSING_BLOCKS, REFUSED_BLOCKS } from '../../channel/phases/exits.ts';
import { onStage } from './onstage.ts';
import {
  context,
  coreOf,
  cut,
  deliver,
  eventsOf,
  give,
  join,
  type Pair,
  ready,
  restart,
  type Side,
  settle,
} from './pair.ts';
import { playOut, published, whys } from './play.ts';
import { both, claimsOf, feesOf, gained, mine, reboot, type Stage, tell, tip, unwind, type World } from './world.ts';

const world = onStage();

const why = (side: Side, from = 0) => side.broadcasts.slice(from).map(({ why }) => why);

/** A closing that both signed and nobody has mined. */
const agreed = (format?: Parameters<Stage>[0]): World => {
  const so = world(format);
  tell(so, 'a', { type: 'close' });
  for (let busy = true; busy; ) {
    busy = false;
    for (const who of both)
      for (let message = so.pair[who].inbox.shift(); message !== undefined; message = so.pair[who].inbox.shift()) {
        tell(so, who, { type: 'message', message });
        busy = true;
      }
  }
  expect(so.pair.a.state).toMatchObject({ phase: 'negotiating' });
  return so;
};

/** Blocks without it. */
const wait = (so: World, blocks: number): void => {
  for (let i = 0; i < blocks; i++) mine(so);
};

describe('an agreed closing that no block takes', () => {
  test(`is waited for ${CLOSING_BLOCKS} blocks; then our commitment goes out beside it, with its claims`, () => {
    const so = agreed();
    const closing = published(so.pair.a);
    wait(so, CLOSING_BLOCKS - 1);
    expect(new Set(why(so.pair.a))).toEqual(new Set(['funding', 'closing']));
    expect(claimsOf(so, 'a').filter(({ why }) => why === 'anchor')).toEqual([]);
    const before = so.pair.a.broadcasts.length;
    wait(so, 1);
    expect(eventsOf(so.pair.a, 'failed')).toMatchObject([
      { fault: { code: 'closing_not_mined', blocks: CLOSING_BLOCKS }, broadcast: true },
    ]);
    expect(why(so.pair.a, before)).toEqual(['closing', 'commitment']);
    expect(so.pair.a.broadcasts.at(before)?.tx).toEqual(closing);
    expect(whys(so, 'a')).toContain('anchor');
    // A restart does not forget that both are under way.
    const then = so.pair.a.broadcasts.length;
    reboot(so, 'a');
    expect(why(so.pair.a, then)).toEqual(['closing', 'commitment']);
    expect(whys(so, 'a')).toContain('anchor');
    mine(so, [published(so.pair.a)]);
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'local' }]);
    playOut(so, { who: ['a'] });
    expect(gained(so, 'a') + feesOf(so, 'a')).toBe(600_000n - 1124n - 660n);
  });

  test('may still be mined after that, and both are published again when a reorg takes it back', () => {
    const so = agreed();
    const closing = published(so.pair.a);
    wait(so, CLOSING_BLOCKS);
    mine(so, [closing]);
    expect(eventsOf(so.pair.a, 'spent')).toMatchObject([{ by: 'mutual' }]);
    expect(whys(so, 'a')).toEqual([]);
    const before = so.pair.a.broadcasts.length;
    unwind(so, 1);
    expect(why(so.pair.a, before)).toEqual(['closing', 'commitment']);
  });

  test(`that the network refuses is waited for ${REFUSED_BLOCKS} blocks, without a break`, () => {
    const so = agreed();
    const block = (taken: boolean): void => {
      tell(so, 'a', { type: 'closing_offered', taken });
      mine(so);
    };
    for (let i = 0; i < REFUSED_BLOCKS - 1; i++) block(false);
    block(true);
    for (let i = 0; i < REFUSED_BLOCKS - 1; i++) block(false);
    expect(so.pair.a.state.phase).toBe('negotiating');
    block(false);
    expect(so.pair.a.state.phase).toBe('failed');
    expect(so.pair.a.broadcasts.at(-1)?.why).toBe('commitment');
  });

  test('is not waited for by who closes by force', () => {
    const so = agreed();
    const before = so.pair.a.broadcasts.length;
    tell(so, 'a', { type: 'force_close' });
    expect(why(so.pair.a, before)).toEqual(['closing', 'commitment']);
    expect(whys(so, 'a')).toContain('anchor');
  });

  test('goes alone while the peer alone failed the channel, until its time is over or somebody forces it', () => {
    const so = agreed();
    const fail = () =>
      tell(so, 'a', {
        type: 'message',
        message: { name: 'error', channel_id: coreOf(so.pair.a).channelId, data: new Uint8Array() },
      });
    fail();
    wait(so, 3);
    expect(why(so.pair.a)).not.toContain('commitment');
    tell(so, 'a', { type: 'force_close' });
    expect(so.pair.a.broadcasts.at(-1)?.why).toBe('commitment');
    expect(so.pair.a.asked.filter((effect) => effect.do === 'watch_mempool')).toHaveLength(1);

    const late = agreed();
    so.pair.b.inbox = [];
    tell(late, 'a', {
      type: 'message',
      message: { name: 'error', channel_id: coreOf(late.pair.a).channelId, data: new Uint8Array() },
    });
    wait(late, CLOSING_BLOCKS);
    expect(late.pair.a.broadcasts.at(-1)?.why).toBe('commitment');
    expect(eventsOf(late.pair.a, 'failed').map(({ fault }) => fault.code)).toEqual(['peer_error', 'closing_not_mined']);
  });

  test('is all that is published where the peer proves that we are behind, also by force', () => {
    const so = agreed();
    const { a } = so.pair;
    if (a.state.phase !== 'negotiating') throw new Error('not closing');
    const { core, agreed: tx } = a.state;
    a.state = { phase: 'failed', core, agreed: tx, outdated: true, why: 'we_are_behind' };
    const before = a.broadcasts.length;
    tell(so, 'a', { type: 'force_close' });
    wait(so, CLOSING_BLOCKS + 1);
    expect(why(a, before)).toEqual(new Array(CLOSING_BLOCKS + 1).fill('closing'));
    expect(whys(so, 'a')).not.toContain('anchor');
  });

  test('has its day from when its funding is in the chain', () => {
    const so = agreed();
    tell(so, 'a', { type: 'funding_unconfirmed' });
    tell(so, 'a', { type: 'block', height: tip(so) + CLOSING_BLOCKS });
    expect(so.pair.a.state.phase).toBe('negotiating');
  });
});

describe('a child of an agreed closing', () => {
  const children = (so: World) => claimsOf(so, 'a').filter(({ why }) => why === 'closing');

  test('is asked for after six blocks, or at once where the network refuses the closing by itself', () => {
    const so = agreed();
    const parent = published(so.pair.a);
    const [claim] = children(so);
    expect(claim).toMatchObject({ kind: 'bump', from: tip(so) + 6, deadline: undefined, parent, parentFee: 676n });
    tell(so, 'a', { type: 'closing_offered', taken: false });
    expect(children(so).map(({ from }) => from)).toEqual([0, 0]);
    reboot(so, 'a');
    expect(children(so).map(({ from }) => from)).toEqual([tip(so) + 6, tip(so) + 6]);
  });

  test('is not asked for while the funding is out of the chain, nor once something spends it', () => {
    const so = agreed();
    tell(so, 'a', { type: 'funding_unconfirmed' });
    expect(children(so)).toEqual([]);
    const spent = agreed();
    expect(children(spent)).toHaveLength(2);
    mine(spent, [published(spent.pair.a)]);
    expect(claimsOf(spent, 'a')).toEqual([]);
  });
});

describe('closings that both signed', () => {
  /** A closing agreed at one estimate, and after a reconnect one at another. */
  const twice = (first: number, second: number): Pair => {
    const pair = ready();
    const at = (feerate: number) => {
      const world = { ...context, feerate };
      for (let busy = true; busy; ) {
        busy = false;
        for (const side of [pair.a, pair.b])
          for (let message = side.inbox.shift(); message !== undefined; message = side.inbox.shift()) {
            give(pair, side, { type: 'message', message }, world);
            busy = true;
          }
      }
    };
    give(pair, pair.a, { type: 'close' }, { ...context, feerate: first });
    at(first);
    cut(pair);
    join(pair);
    at(second);
    return pair;
  };
  const feeOf = (tx: Uint8Array): bigint =>
    Transaction.fromBuffer(tx).outs.reduce((left, { value }) => left - value, 1_000_000n);

  test.each([
    [1_000, 3_000, 3],
    [3_000, 1_000, 3],
  ])('at %d and then %d sat/kw: that which pays more is what is published', (first, second, thousands) => {
    const pair = twice(first, second);
    for (const side of [pair.a, pair.b]) {
      const last = side.broadcasts.at(-1)?.tx ?? new Uint8Array();
      expect(feeOf(last) / BigInt(thousands * 500)).toBe(1n);
      give(pair, side, { type: 'block', height: context.height + 1 });
      expect(side.broadcasts.at(-1)?.tx).toEqual(last);
    }
  });

  test('may each be mined: none of them is taken for something else, also after a restart', () => {
    const pair = twice(3_000, 1_000);
    for (const side of [pair.a, pair.b]) {
      expect(coreOf(side).closings.signed).toHaveLength(2);
      restart(pair, side);
      expect(coreOf(side).closings.signed).toHaveLength(2);
    }
  });
});

describe('what spends the funding output', () => {
  test('counts as closed together where we signed it, told to the peer or not answered', () => {
    const pair = ready();
    give(pair, pair.a, { type: 'close' });
    deliver(pair, pair.b);
    deliver(pair, pair.a);
    // The fundee completes it, and its answer is lost; the funder gives the channel up meanwhile, and starts anew.
    deliver(pair, pair.b);
    pair.a.inbox = [];
    const tx = pair.b.broadcasts.at(-1)?.tx ?? new Uint8Array();
    give(pair, pair.a, { type: 'force_close' });
    restart(pair, pair.a);
    give(pair, pair.a, { type: 'funding_spent', tx, height: 501 });
    expect(eventsOf(pair.a, 'spent')).toMatchObject([{ by: 'mutual' }]);
  });

  test('is loud where it has our signature and we do not know it, and our commitment stays at home from then on', () => {
    const pair = ready();
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    const tx = Transaction.fromBuffer(pair.a.broadcasts.at(-1)?.tx ?? new Uint8Array());
    const [first] = tx.outs;
    if (first !== undefined) first.value -= 1n;
    give(pair, pair.b, { type: 'funding_spent', tx: new Uint8Array(tx.toBuffer()), height: 501 });
    expect(eventsOf(pair.b, 'spent')).toMatchObject([{ by: 'unrecognized' }]);
    const before = pair.b.broadcasts.length;
    give(pair, pair.b, { type: 'funding_unspent' });
    give(pair, pair.b, { type: 'force_close' });
    expect(pair.b.broadcasts.slice(before).map(({ why }) => why)).toEqual(['closing']);
  });

  test('was recorded by a store that kept only what was agreed', () => {
    const pair = ready();
    give(pair, pair.a, { type: 'close' });
    settle(pair);
    const tx = pair.a.broadcasts.at(-1)?.tx ?? new Uint8Array();
    expect(pair.a.disk.delete('closings')).toBe(true);
    pair.a.state = restore(pair.a.disk);
    give(pair, pair.a, { type: 'funding_spent', tx, height: 501 });
    expect(eventsOf(pair.a, 'spent')).toMatchObject([{ by: 'mutual' }]);
  });
});
