/** A feerate that is refused, and that its peer has signed and so says again on every connection: no channel hangs on it for ever. */
import { expect, test } from 'vitest';
import type { Context } from '../../channel/model/io.ts';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { context, coreOf, cut, deliver, eventsOf, give, join, type Pair, ready, restart, settle } from './pair.ts';
import { summary } from './summary.ts';

const { blocks } = waitLimits.update_fee;
/** `b` takes nothing below 500 sat per 1,000 weight. */
const strict = (height: number, more: Partial<Context> = {}): Context => ({
  ...context,
  height,
  minFeerate: 500,
  ...more,
});

const reconnect = (pair: Pair): void => {
  cut(pair);
  join(pair);
};
/** All that `a` says reaches `b`, until the connection ends; whether `b` has a channel then. */
const hear = (pair: Pair, at: Context): boolean => {
  const asked = pair.b.asked.length;
  const ended = () => pair.b.asked.slice(asked).some((effect) => effect.do === 'disconnect');
  while (!ended() && pair.b.state.phase === 'open') {
    deliver(pair, pair.a);
    const message = pair.b.inbox.shift();
    if (message === undefined) break;
    give(pair, pair.b, { type: 'message', message }, at);
  }
  return pair.b.state.phase === 'open';
};

/** `a` has lowered the feerate below what `b` takes, and has signed it. */
const lowered = (): Pair => {
  const pair = ready();
  give(pair, pair.a, { type: 'update_fee', feerate: 300 });
  give(pair, pair.a, { type: 'sign' });
  expect(hear(pair, strict(500))).toBe(true);
  expect(pair.b.asked.at(-1)).toMatchObject({ do: 'disconnect' });
  return pair;
};
const fault = ({ b }: Pair) => eventsOf(b, 'failed')[0]?.fault;

test('a refused feerate is retried for a day, over restarts, and then the channel is force-closed with the current commitment', () => {
  const pair = lowered();
  for (const height of [500, 570, 500 + blocks - 1]) {
    cut(pair);
    restart(pair, pair.b);
    join(pair);
    expect(hear(pair, strict(height))).toBe(true);
  }
  reconnect(pair);
  expect(hear(pair, strict(500 + blocks))).toBe(false);
  expect(fault(pair)).toEqual({ code: 'fee_timeout', refused: 'feerate_out_of_range', blocks });
  expect(pair.b.broadcasts.map(({ why }) => why)).toContain('commitment');
});

test('a refused feerate no longer counts once it is accepted because fees have fallen', () => {
  const pair = lowered();
  reconnect(pair);
  expect(hear(pair, { ...context, height: 600 })).toBe(true);
  settle(pair);
  expect(coreOf(pair.b).feeRefusedSince).toBeUndefined();
  expect(pair.b.disk.has('feesince')).toBe(false);
  expect(summary(pair.b.state)).toMatchObject({ feerate: 300, online: true });
});

test('a refused feerate no longer counts once the peer was online for two blocks without repeating it: it had not signed it', () => {
  const pair = ready();
  const lower = () => give(pair, pair.a, { type: 'update_fee', feerate: 300 });
  lower();
  expect(hear(pair, strict(500))).toBe(true);
  expect(coreOf(pair.b).feeRefusedSince).toBe(500);
  reconnect(pair);
  expect(hear(pair, strict(500))).toBe(true);
  for (const height of [501, 502]) give(pair, pair.b, { type: 'block', height }, strict(height));
  expect(coreOf(pair.b).feeRefusedSince).toBeUndefined();
  lower();
  expect(hear(pair, strict(500 + 2 * blocks))).toBe(true);
  expect(coreOf(pair.b).feeRefusedSince).toBe(500 + 2 * blocks);
});

test('a refused feerate goes on counting when blocks come before the peer repeats it', () => {
  const pair = lowered();
  reconnect(pair);
  give(pair, pair.b, { type: 'block', height: 501 }, strict(501));
  give(pair, pair.b, { type: 'block', height: 502 }, strict(502));
  expect(coreOf(pair.b).feeRefusedSince).toBe(500);
});

test('a refused feerate fails no channel while the peer could not repeat it because this node was offline', () => {
  const pair = lowered();
  reconnect(pair);
  const height = 500 + 2 * blocks;
  expect(hear(pair, strict(height, { reachableSince: height }))).toBe(true);
  reconnect(pair);
  expect(hear(pair, strict(height + 6, { reachableSince: height }))).toBe(false);
});
