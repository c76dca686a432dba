/** The place of a channel that waits for its funding, needed by others. */
import { expect, test } from 'vitest';
import type { Input } from '../../channel/model/io.ts';
import { msat } from '../../wire/units.ts';
import { begin, confirm, coreOf, deliver, eventsOf, fund, give, openRequest, type Pair, settle } from './pair.ts';

/** Both have signed, and nobody has seen the funding transaction. */
const waiting = (): Pair => {
  const pair = begin({ ...openRequest, push: msat(50_000_000n) });
  deliver(pair, pair.a);
  fund(pair);
  settle(pair);
  return pair;
};
const peerError = (pair: Pair): Input => ({
  type: 'message',
  message: { name: 'error', channel_id: coreOf(pair.a).channelId, data: new Uint8Array() },
});

test.each<readonly [string, (pair: Pair) => void]>([
  ['waits', () => {}],
  ['was given up by the peer', (pair) => give(pair, pair.b, peerError(pair))],
  ['was given up by us', (pair) => give(pair, pair.b, { type: 'force_close' })],
])('is given up by the fundee of one that %s, with all its records', (_, bring) => {
  const pair = waiting();
  bring(pair);
  give(pair, pair.b, { type: 'displaced' });
  expect(pair.b.state.phase).toBe('abandoned');
  expect(pair.b.disk.size).toBe(0);
  // What the peer gave at the start is looked for all the same.
  expect(eventsOf(pair.b, 'abandoned')).toMatchObject([
    { fault: { code: 'funding_unseen' }, pushed: { params: { push: 50_000_000n } } },
  ]);
});

test('a displaced opening is abandoned by a fundee that has not received funding_created yet', () => {
  const pair = begin(openRequest);
  expect(pair.b.state.phase).toBe('awaiting_funding_created');
  give(pair, pair.b, { type: 'displaced' });
  expect(pair.b.state.phase).toBe('abandoned');
});

test('a channel is not displaced at the funder, nor once its funding is confirmed', () => {
  const pair = waiting();
  give(pair, pair.a, { type: 'displaced' });
  expect(pair.a.state.phase).toBe('open');
  confirm(pair);
  settle(pair);
  give(pair, pair.b, { type: 'displaced' });
  expect(pair.b.state.phase).toBe('open');
});
