/** What the program that runs a node is told of blobs at a forwarder, and what becomes of the HTLC: also while no answer comes. */
import { describe, expect, test } from 'vitest';
import { containedRegistry } from '../../node/core/eobprotocols.ts';
import type { ForwardAnswer, ForwardNote, ForwardNoteHandler } from '../../node/forward/forwardnotes.ts';
import { HeldForwards, MOST_HELD, MOST_HELD_OF_CHANNEL } from '../../node/forward/heldforwards.ts';
import type { EobProtocol } from '../../onion/eobprotocols.ts';
import { text, utf8, zeros } from '../../wire/bytes.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { alias, board, came, channel, HEIGHT, hash, madeOf, payload, update } from '../support/board.ts';
import { idOf } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';
import { heldClock, keptLog } from '../support/quiet.ts';

const word: EobProtocol<never, unknown> = {
  name: 'word',
  forward: (_frame, { blobs }) => ({ accept: text(blobs[0] ?? zeros(0)).replace(/\0+$/, '') }),
};
const blob = zeros(65);
blob.set(utf8('hello'));
const onion = madeOf({
  kind: 'frame',
  frame: { ...payload, extra: { protocol: 14, paymentId: zeros(11), blobs: [blob] } },
});

const noting = async (onForwardNote: ForwardNoteHandler, protocol = word, outgoing = channel) => {
  const registry = containedRegistry(new Map([[14, protocol]]), () => undefined) as ReadonlyMap<number, typeof word>;
  const so = await board(outgoing, undefined, undefined, { registry, onForwardNote });
  const receive = (change: object = {}) => so.receive({ onion: onion.packet, ...change });
  return {
    ...so,
    receive,
    failure: () => so.failureOf(onion),
    kinds: () => so.told.map(([key, { type }]) => `${key} ${type}`),
  };
};
/** A program that answers when the test says so. */
const slow = async () => {
  const asked: ForwardNote[] = [];
  const answers: ((answer: ForwardAnswer) => void)[] = [];
  const so = await noting((note) => {
    asked.push(note);
    return new Promise((resolve) => answers.push(resolve));
  });
  so.receive();
  expect(so.told).toEqual([]);
  const answer = async (said?: ForwardAnswer, n = 0): Promise<void> => {
    answers[n]?.(said);
    await new Promise(setImmediate);
  };
  return { ...so, asked, answer };
};

test('a program is told both ends of the HTLC whose blobs its protocol read, and the HTLC goes on', async () => {
  const notes: ForwardNote[] = [];
  const { receive, kinds } = await noting((note) => void notes.push(note));
  receive();
  expect(notes).toEqual([
    {
      protocol: 14,
      value: 'hello',
      paymentHash: hash,
      incoming: { peer: idOf('peer'), shortChannelId: came, id: 3n, amount: 101_000n, expiry: HEIGHT + 90 },
      outgoing: { peer: idOf('next'), shortChannelId: alias, amount: 100_000n, expiry: HEIGHT + 50 },
    },
  ]);
  expect(kinds()).toEqual(['out offer']);
});

const refused = { refuse: { name: 'permanent_node_failure' } } as const;

test('an HTLC that the program refuses at once is failed back with the failure it names', async () => {
  const { receive, kinds, failure } = await noting(() => refused);
  receive();
  expect([kinds(), failure()]).toEqual([['in fail'], refused.refuse]);
});

test.each<[string, ForwardNoteHandler]>([
  ['throws', () => JSON.parse('{')],
  ['names a failure that there is none of', () => ({ refuse: { name: 'no such failure' } as never })],
  ['names a failure longer than 256 bytes', () => ({ refuse: { name: 'unknown', code: 0x400f, data: zeros(255) } })],
  [
    'names a failure that no message has room for',
    () => ({ refuse: { name: 'unknown', code: 1, data: zeros(70_000) } }),
  ],
])('an HTLC about which the program %s is failed back, and nothing else is affected', async (_, handler) => {
  const { receive, failure } = await noting(handler);
  receive();
  expect(failure()).toEqual({ name: 'temporary_node_failure' });
});

test.each<[string, EobProtocol<never, unknown>['forward']]>([
  ['throws', () => JSON.parse('{')],
  ['gives nothing back', () => undefined as never],
  ['refuses with a failure that there is none of', () => ({ refuse: { name: 'no such failure' } as never })],
  ['refuses with a failure longer than 256 bytes', () => ({ refuse: { name: 'unknown', code: 1, data: zeros(255) } })],
])('an HTLC whose reader %s is failed back', async (_, forward) => {
  const { receive, failure } = await noting(() => undefined, { name: 'broken', ...(forward && { forward }) });
  receive();
  expect(failure()).toEqual({ name: 'temporary_node_failure' });
});

describe('an HTLC that is held', () => {
  test('is forwarded once the program has answered', async () => {
    const { answer, kinds } = await slow();
    await answer();
    expect(kinds()).toEqual(['out offer']);
  });

  test('is failed back once the program has refused it', async () => {
    const { answer, kinds, failure } = await slow();
    await answer(refused);
    expect([kinds(), failure()]).toEqual([['in fail'], refused.refuse]);
  });

  test('is failed back when the promise of the program is rejected', async () => {
    const so = await noting(async () => JSON.parse('{'));
    so.receive();
    await new Promise(setImmediate);
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('is failed back when the program answers with something else that has a then', async () => {
    const so = await noting(() => JSON.parse('{"then":"later"}'));
    so.receive();
    await new Promise(setImmediate);
    expect(so.failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('is failed back before the outgoing HTLC would expire too soon, and an answer behind that counts for nothing', async () => {
    const { here, clock, kinds, failure, answer } = await slow();
    here.height = HEIGHT + 46;
    clock.pass(1_000);
    expect(kinds()).toEqual([]);
    here.height = HEIGHT + 47;
    clock.pass(1_000);
    expect(failure()).toEqual({ name: 'expiry_too_soon', channel_update: zeros(0) });
    await answer();
    expect(kinds()).toEqual(['in fail']);
  });

  test('is failed back when the block height has been out of date for too long', async () => {
    const { here, clock, failure } = await slow();
    Object.assign(here, { current: false, out: true });
    clock.pass(1_000);
    expect(failure()).toEqual({ name: 'temporary_node_failure' });
  });

  test('waits for the current height where the answer comes while that may be out of date', async () => {
    const { here, answer, kinds, htlcSwitch } = await slow();
    here.current = false;
    await answer();
    expect(kinds()).toEqual([]);
    here.current = true;
    htlcSwitch.onHeightKnown();
    expect(kinds()).toEqual(['out offer']);
  });

  test('goes back if its channel was given up meanwhile, and is no matter if it is gone', async () => {
    const ending = await slow();
    ending.here.givenUp = true;
    await ending.answer();
    expect(ending.failure()).toEqual({ name: 'permanent_channel_failure' });
    const gone = await slow();
    gone.here.gone = true;
    await gone.answer();
    const settled = await slow();
    settled.htlcSwitch.settled('in', 3n);
    await settled.answer();
    expect([...gone.told, ...settled.told]).toEqual([]);
  });

  test('is asked about once, however often its channel tells of it', async () => {
    const { receive, asked, answer, kinds } = await slow();
    receive();
    await answer();
    expect([asked.length, kinds()]).toEqual([1, ['out offer']]);
  });

  test('is asked about again after a restart, and an answer to the node before counts for nothing', async () => {
    const before = await slow();
    before.htlcSwitch.stop();
    await before.answer();
    expect([before.told, before.clock.waiting]).toEqual([[], 0]);
    const after = await slow();
    expect(after.asked).toHaveLength(1);
  });
});

test('an HTLC goes back with the failure of our policy, and the program is not asked about it', async () => {
  const asked: ForwardNote[] = [];
  const { receive, failure } = await noting((note) => void asked.push(note));
  receive({ amount: msat(100_999n) });
  expect(failure()).toMatchObject({ name: 'fee_insufficient', channel_update: update(alias) });
  expect(asked).toEqual([]);
});

test('the program is asked about an HTLC whose next peer is offline, and that goes back if the peer still is', async () => {
  const asked: ForwardNote[] = [];
  const offline = { ...channel, status: 'unavailable' } as const;
  const { receive, failure } = await noting((note) => void asked.push(note), word, offline);
  receive();
  expect(asked).toHaveLength(1);
  expect(failure()).toEqual({ name: 'temporary_channel_failure', channel_update: update(alias) });
});

test('no more HTLCs are held than there is room for, in all and of one channel', () => {
  const limitedLog = keptLog();
  const held = new HeldForwards({
    ask: () => new Promise(() => undefined),
    ...{ height: () => HEIGHT, isHalted: () => false, clock: heldClock(), log: memoryLog(), limitedLog },
  });
  const end = { peer: idOf('peer'), shortChannelId: shortChannelId(1n), amount: msat(1n), expiry: HEIGHT + 50 };
  const ask = (channel: string, n: number) =>
    held.ask({
      ...{ name: `${channel}/${n}`, channel, answered: () => undefined },
      note: { protocol: 14, value: '', paymentHash: hash, incoming: { ...end, id: BigInt(n) }, outgoing: end },
    });
  const full = { name: 'temporary_node_failure' };
  for (let n = 0; n < MOST_HELD_OF_CHANNEL; n++) expect(ask('one', n)).toBe('held');
  expect(ask('one', MOST_HELD_OF_CHANNEL)).toEqual(full);
  for (let n = MOST_HELD_OF_CHANNEL; n < MOST_HELD; n++) expect(ask(`channel ${n}`, n)).toBe('held');
  expect(ask('another', 0)).toEqual(full);
  held.forget('one/0');
  expect(ask('another', 0)).toBe('held');
  expect(limitedLog.lines.filter((line) => line.startsWith('warn: failing back an HTLC'))).toHaveLength(2);
});
