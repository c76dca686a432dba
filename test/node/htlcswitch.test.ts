/** What becomes of an HTLC that arrived to be passed on: an offer on the channel its onion names, or a failure that tells no more. */
import { describe, expect, test } from 'vitest';
import type { AtStake } from '../../amp/io.ts';
import { msat } from '../../wire/units.ts';
import { alias, board, channel, HEIGHT, update } from '../support/board.ts';

test('a forward is offered on the channel that the onion names', async () => {
  const { told, receive } = await board();
  receive();
  expect(told).toMatchObject([['out', { type: 'offer', amount: 100_000n, expiry: HEIGHT + 50 }]]);
});

test('an HTLC whose on-chain claim the wallet could not pay is failed back, with our channel_update', async () => {
  const asked: AtStake[] = [];
  const { links, told, receive, failure } = await board(channel, (one) => {
    asked.push(one);
    return false;
  });
  receive();
  expect(asked).toEqual([{ channels: ['in', 'out'], amount: 101_000n }]);
  expect(told.map(([key, { type }]) => [key, type])).toEqual([['in', 'fail']]);
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: update(alias) });
  expect(links.atStake()).toEqual([]);
});

test('both ends of a forward count as possible claims until it is resolved', async () => {
  const { htlcSwitch, links, receive } = await board();
  receive();
  expect(links.atStake()).toEqual([{ channels: ['in', 'out'], amount: 101_000n }]);
  htlcSwitch.settled('in', 3n);
  expect(links.atStake()).toEqual([]);
});

test('a forward that the outgoing channel cannot take is failed with its channel_update, under the id in the onion', async () => {
  const { htlcSwitch, told, receive, failure } = await board();
  receive();
  const offered = told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  htlcSwitch.refused('out', offered.origin, { code: 'insufficient_balance', spendable: msat(0n) });
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: update(alias) });
});

test('after a restart the id in the onion is not known any more, and the failure has no channel_update', async () => {
  const before = await board();
  before.receive();
  const offered = before.told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  const { htlcSwitch, failure } = await board();
  htlcSwitch.refused('out', offered.origin, { code: 'disconnected' });
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: new Uint8Array() });
});

test('a channel that the onion may not name so is none', async () => {
  const { receive, failure } = await board({ ...channel, status: 'closing' });
  receive();
  expect(failure()).toEqual({ name: 'unknown_next_peer' });
});

test.each([
  ['would be lost with others too small for an output', { overexposed: true }],
  ['could not be claimed in time on chain', { underpaid: true }],
  ['comes by a channel that we are closing', { closing: true }],
])('what %s goes back, and says nothing of the channel it came by', async (_, change) => {
  const { receive, failure } = await board();
  receive(change);
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: new Uint8Array() });
});

test.each([
  [{ expiry: HEIGHT + 89 }, { name: 'incorrect_cltv_expiry', cltv_expiry: HEIGHT + 50, channel_update: update(alias) }],
  [{ amount: msat(100_999n) }, { name: 'fee_insufficient', htlc_msat: 100_999n, channel_update: update(alias) }],
])('what leaves too little goes back with the policy: %o', async (change, expected) => {
  const { receive, failure } = await board();
  receive(change);
  expect(failure()).toEqual(expected);
});

test('an HTLC of a channel that is being force-closed is not forwarded', async () => {
  const { told, receive, failure } = await board();
  receive({ givenUp: true });
  expect(told.map(([key]) => key)).toEqual(['in']);
  expect(failure()).toEqual({ name: 'permanent_channel_failure' });
});

test('what timed out on chain is failed back as the channel it left by', async () => {
  const { htlcSwitch, told, receive, failure } = await board();
  receive();
  const offered = told[0]?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  htlcSwitch.resolved('out', 5n, offered.origin, { kind: 'timed_out' });
  expect(failure()).toEqual({ name: 'permanent_channel_failure' });
  // Its fate is not taken for known before the HTLC that paid for it is gone.
  expect(told.some(([, { type }]) => type === 'acknowledge')).toBe(false);
  htlcSwitch.settled('in', 3n);
  expect(told.at(-1)).toEqual(['out', { type: 'acknowledge', id: 5n }]);
});

describe('while the block height may be out of date', () => {
  const unknowing = async () => {
    const so = await board();
    so.here.current = false;
    so.receive();
    expect(so.told).toEqual([]);
    return so;
  };
  const known = ({ here, htlcSwitch }: Awaited<ReturnType<typeof board>>): void => {
    here.current = true;
    htlcSwitch.onHeightKnown();
  };

  test('an HTLC waits for the current height, and is then forwarded once', async () => {
    const so = await unknowing();
    for (let i = 0; i < 2; i++) known(so);
    so.clock.pass(100_000);
    expect(so.told).toMatchObject([['out', { type: 'offer' }]]);
  });

  test('an HTLC is failed back at once when the height has been out of date for too long', async () => {
    const so = await board();
    Object.assign(so.here, { current: false, out: true });
    so.receive();
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('an HTLC that waited too long for the height is failed back', async () => {
    const so = await unknowing();
    so.clock.pass(59_999);
    expect(so.told).toEqual([]);
    so.clock.pass(1);
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
    known(so);
    expect(so.told).toHaveLength(1);
  });

  test.each<readonly [string, { readonly givenUp?: boolean; readonly gone?: boolean }, readonly string[]]>([
    ['one whose channel was given up meanwhile goes back', { givenUp: true }, ['in']],
    ['one that is gone meanwhile is no matter', { gone: true }, []],
  ])('%s', async (_, change, told) => {
    const so = await unknowing();
    Object.assign(so.here, change);
    known(so);
    expect(so.told.map(([key]) => key)).toEqual(told);
  });

  test('an HTLC that the receiver has already is resolved as decided, whatever the state of its channel', async () => {
    const so = await board();
    Object.assign(so.here, { current: false, known: true });
    so.receive({ overexposed: true, closing: true });
    expect(so.told).toMatchObject([['out', { type: 'offer' }]]);
  });

  test('no HTLC is processed after the switch was stopped', async () => {
    const so = await unknowing();
    so.htlcSwitch.stop();
    so.clock.pass(100_000);
    known(so);
    expect(so.told).toEqual([]);
  });
});
