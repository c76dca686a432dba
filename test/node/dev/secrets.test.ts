/** A channel whose secrets a lab forces: they are its own from the first message on, and after a restart. */
import { expect, test } from 'vitest';
import { basepointsOf, channelSecrets } from '../../../channel/tx/keys.ts';
import { perCommitmentPoint } from '../../../channel/tx/secrets.ts';
import { forcedChannelSecrets } from '../../../node/config/devsecrets.ts';
import {
  acceptRequest,
  begin,
  coreOf,
  cut,
  give,
  join,
  offerOf,
  openRequest,
  ready,
  restart,
  secretOf,
  settle,
} from '../../channel/pair.ts';
import { summary } from '../../channel/summary.ts';

const forced = forcedChannelSecrets(['10', '11', '12', '13', '14', 'ff'].map((byte) => byte.repeat(32)).join('/'));

test.each([
  ['the funder', { ...openRequest, forced }, acceptRequest, 'a'],
  ['the fundee', openRequest, { ...acceptRequest, forced }, 'b'],
] as const)('%s: the peer sees them, and signatures by them hold', (_, open, accept, who) => {
  const pair = ready(open, accept);
  const [side, other] = who === 'a' ? [pair.a, pair.b] : [pair.b, pair.a];
  expect(coreOf(side).keys).toEqual(forced);
  expect(coreOf(other).params.remote.basepoints).toEqual(basepointsOf(forced));
  expect(coreOf(other).head.remotePoint).toEqual(perCommitmentPoint(forced.perCommitmentSeed, 0));

  give(pair, pair.a, offerOf(50_000_000n, 1));
  settle(pair);
  cut(pair);
  restart(pair, side);
  expect(coreOf(side).keys).toEqual(forced);
  join(pair);
  settle(pair);
  give(pair, pair.b, { type: 'fulfill', id: 0n, preimage: secretOf(1) });
  settle(pair);
  expect(summary(pair.a.state)?.toUs).toBe(950_000_000n);
  expect([pair.a.state.phase, pair.b.state.phase]).toEqual(['open', 'open']);
});

test('without them a channel has those of its seed, and no record for others', () => {
  const pair = ready();
  expect(coreOf(pair.a).keys).toEqual(channelSecrets(openRequest.seed));
  expect(pair.a.disk.has('forced')).toBe(false);
  const message = begin({ ...openRequest, forced }).a.inbox[0];
  expect(message?.name).toBe('accept_channel');
});
