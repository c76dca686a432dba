/** Onions that are refused before anything is done with them: those seen before, and those of blinded routes; and how fast. */
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../node/store/memory.ts';
import { sha256 } from '../../wire/crypto.ts';
import { bad, board, forHop, HEIGHT, packet } from '../support/board.ts';
import { idOf } from '../support/graph.ts';

describe('an onion that is sent a second time', () => {
  const twice = async (...htlcs: readonly object[]) => {
    const so = await board();
    for (const [n, htlc] of htlcs.entries()) so.receive({ id: BigInt(3 + n), ...htlc });
    return so.told.map(([key]) => key);
  };

  test('is failed back, whatever the expiry of its HTLC', async () => {
    expect(await twice({}, {})).toEqual(['out', 'in']);
    expect(await twice({}, { expiry: HEIGHT + 900 })).toEqual(['out', 'in']);
  });

  test.each([
    ['over another channel', 'other', false],
    ['after a restart, with another HTLC', 'in', true],
    ['after a restart, over another channel', 'other', true],
  ])('%s, is failed back, and only the first HTLC is passed on', async (_, from, restarts) => {
    const onions = memoryStore();
    const first = await board(undefined, undefined, undefined, { onions });
    first.receive({ id: from === 'in' ? 2n : 3n });
    await onions.commit([]);
    const second = restarts ? await board(undefined, undefined, undefined, { onions }) : first;
    second.receive({}, from);
    expect(second.told.map(([key]) => key)).toEqual(restarts ? [from] : ['out', from]);
    expect(first.told[0]?.[0]).toBe('out');
  });

  test('is failed back though its first HTLC was one of a lower expiry, which is over', async () => {
    const so = await board();
    so.receive({ id: 2n, expiry: HEIGHT + 1 });
    expect(so.told.map(([key]) => key)).toEqual(['in']);
    for (let height = HEIGHT; height < HEIGHT + 10; height++) so.replays.prune(height);
    so.receive();
    expect(so.told.map(([key]) => key)).toEqual(['in', 'in']);
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('is not remembered any more once no HTLC with it is passed on, though its own goes on', async () => {
    const so = await board();
    so.receive({ expiry: HEIGHT + 1000 });
    expect(so.replays.size).toBe(1);
    for (let height = HEIGHT + 51; height < HEIGHT + 56; height++) so.replays.prune(height);
    expect(so.replays.size).toBe(0);
  });

  test('is not remembered at all where nothing was to be done with it', async () => {
    const so = await board();
    so.receive({ onion: forHop('00ff') });
    expect(so.failureOf(bad)).toMatchObject({ name: 'invalid_onion_payload' });
    expect(so.replays.size).toBe(0);
  });
});

describe('a blinded route', () => {
  const begins = forHop(`02000c21${'02'.repeat(33)}`);

  test.each<readonly [string, { readonly twice?: boolean; readonly change?: object; readonly here?: object }]>([
    ['and it is a replay', { twice: true }],
    ['and its channel is being closed', { change: { closing: true } }],
    ['and it would expose too much', { change: { overexposed: true } }],
    ['and its channel was given up', { change: { givenUp: true } }],
    ['and the height is not known', { here: { current: false } }],
    ['and the height has not been known for too long', { here: { current: false, out: true } }],
  ])(
    'that begins here is answered with invalid_onion_blinding, %s',
    async (_, { twice = false, change = {}, here = {} }) => {
      const so = await board();
      Object.assign(so.here, here);
      if (twice) so.receive({ id: 2n, onion: begins });
      so.receive({ onion: begins, ...change });
      expect(so.failureOf(bad)).toEqual({ name: 'invalid_onion_blinding', sha256_of_onion: new Uint8Array(32) });
    },
  );

  test.each([
    ['for us', packet],
    ['for us that makes no sense', new Uint8Array(1366)],
  ])('that an HTLC is on is answered with a malformed invalid_onion_blinding: an onion %s', async (_, onion) => {
    const { told, receive } = await board();
    receive({ pathKey: idOf('path'), onion });
    const answer = { type: 'fail_malformed', id: 3n, failureCode: 0xc018, sha256OfOnion: sha256(onion) };
    expect(told).toEqual([['in', answer]]);
  });
});

test('HTLCs that fail by the hundred wait for it, and whether they failed here or behind us makes no difference', async () => {
  const so = await board();
  for (let n = 0; n < 483; n++) so.receive({ id: 3n, pathKey: idOf('path') });
  so.receive();
  const offered = so.told.at(-1)?.[1];
  if (offered?.type !== 'offer') throw new Error('nothing was offered');
  so.htlcSwitch.resolved('out', 5n, offered.origin, { kind: 'timed_out' });
  expect(so.told).toHaveLength(484);
  so.clock.pass(50);
  expect(so.failure()).toEqual({ name: 'permanent_channel_failure' });
});
