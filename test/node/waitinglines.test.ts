/** What `status` says of a channel whose peer is waited for. */

import { expect, test } from 'vitest';
import { waitLimits } from '../../channel/model/waitlimits.ts';
import { waitingLines } from '../../node/api/methods/channels/status.ts';
import {
  context,
  cut,
  deliver,
  expireWait,
  give,
  join,
  openRequest,
  ready,
  type Side,
  settle,
} from '../channel/pair.ts';
import { unanswered } from '../channel/silence.ts';

const lines = ({ state }: Side): readonly string[] => ('core' in state ? waitingLines(state) : []);

test('says nothing of a channel in which nothing is owed', () => {
  const pair = ready();
  expect(lines(pair.a)).toEqual([]);
  cut(pair);
  expect(lines(pair.a)).toEqual([]);
});

test('names what the peer owes, and that nothing is offered once it has let the time for it run out', () => {
  const pair = unanswered();
  expect(lines(pair.a)).toEqual([]);
  expireWait(pair, pair.a);
  cut(pair);
  join(pair);
  expect(lines(pair.a)).toEqual(['the peer owes revoke_and_ack for too long: no HTLCs are offered until it comes']);
  settle(pair);
  expect(lines(pair.a)).toEqual([]);
});

test('names the block at which a close that the peer lets lie becomes ours alone', () => {
  const pair = ready({ ...openRequest });
  give(pair, pair.a, { type: 'close' });
  const height = context.height + waitLimits.closing_signed.blocks;
  const line = `waits for the peer to agree on a closing transaction; our commitment is published at block ${height} if it does not`;
  expect(lines(pair.a)).toEqual([line]);
  deliver(pair, pair.b);
  deliver(pair, pair.a);
  expect(lines(pair.a)).toEqual([line]);
  settle(pair);
  expect(lines(pair.a)).toEqual([]);
});
