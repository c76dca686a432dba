/** A crowd that talks as fast as it can: between two pieces of what it says, everybody else has a turn. */
import { expect, test } from 'vitest';
import { written } from '../../node/api/rpc/streaming.ts';
import { systemClock } from '../../node/base/entropy.ts';
import { EventLoopQueue } from '../../node/peer/eventloopqueue.ts';
import type { SecureStream } from '../../node/peer/noisestream.ts';
import { Peer } from '../../node/peer/peer.ts';
import { MessageTrace } from '../../node/peer/trace.ts';
import { utf8, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { encodeMessage } from '../../wire/message.ts';
import { channelId, secretKey } from '../../wire/units.ts';
import { memoryLog } from '../support/peers.ts';

const chainHash = chainHashOf.regtest;
const init = encodeMessage({
  ...{ name: 'init', globalfeatures: zeros(0), features: ourFeatures('I') },
  networks: [chainHash],
});
const warning = encodeMessage({ name: 'warning', channel_id: channelId(zeros(32)), data: utf8('x'.repeat(936)) });

/** What each of these peers said, by the turn of the event loop in which it was heard: one letter a message. */
const heard = async (
  peers: number,
  messages: number,
  turns: EventLoopQueue | undefined,
): Promise<readonly string[]> => {
  let turn = '';
  const all: string[] = [];
  const watch = (): void => {
    if (turn !== '') all.push(turn);
    turn = '';
    ticking = setImmediate(watch);
  };
  let ticking = setImmediate(watch);
  const run = (n: number): Promise<void> => {
    const stream = {
      remote: pointOf(secretKey(new Uint8Array(32).fill(n))),
      connection: { remote: { host: 'x', port: 1 } },
      ...{ unsent: 0, taken: 0, send: () => undefined, flushed: () => Promise.resolve(), close: () => undefined },
      received: (async function* () {
        yield [init, ...Array.from({ length: messages }, () => warning)];
      })(),
    } as unknown as SecureStream;
    const name = String.fromCharCode(96 + n);
    return new Peer({
      ...{ stream, direction: 'in', features: ourFeatures('I'), chainHash, clock: systemClock, log: memoryLog() },
      trace: new MessageTrace(memoryLog(), name, undefined),
      onQueued: () => undefined,
      afterSlice: () => turns?.turn(),
      handlers: {
        ready: () => undefined,
        closed: () => undefined,
        message: () => {
          turn += name;
          return undefined;
        },
      },
    }).run();
  };
  await Promise.all(Array.from({ length: peers }, (_, i) => run(i + 1)));
  await new Promise(setImmediate);
  clearImmediate(ticking);
  return all;
};

test('one stranger is heard in slices', async () => {
  const turns = await heard(1, 64, new EventLoopQueue());
  expect(turns.join('')).toBe('a'.repeat(64));
  expect(Math.max(...turns.map(({ length }) => length))).toBeLessThanOrEqual(4);
  expect(await heard(1, 64, undefined)).toEqual(['a'.repeat(64)]);
});

test('of many strangers one is heard in each turn, and all of them in the end', async () => {
  const turns = await heard(6, 48, new EventLoopQueue());
  for (const said of turns.slice(1)) expect(new Set(said).size).toBe(1);
  for (const name of 'abcdef') expect(turns.join('').split(name)).toHaveLength(49);
});

test('who has nothing to do any more when its turn comes takes nobody else’s', async () => {
  const turns = new EventLoopQueue();
  const had: string[] = [];
  const one = (name: string, isOver: boolean): Promise<void> =>
    turns.turn(() => isOver).then(() => void had.push(name));
  const all = Promise.all([one('gone', true), one('gone too', true), one('first', false), one('second', false)]);
  await new Promise(setImmediate);
  expect(had).toEqual(['gone', 'gone too', 'first']);
  await all;
  expect(had.at(-1)).toBe('second');
});

test('of long lists that are answered at once a few rows are made in each turn', async () => {
  let made = 0;
  const list = async function* () {
    for (let i = 0; i < 80; i++) {
      made++;
      yield 'x'.repeat(2500);
    }
  };
  const answers = Promise.all(Array.from({ length: 5 }, () => written({ rows: list() })));
  let most = 0;
  for (let before = 0; before < 5 * 7; ) {
    await new Promise(setImmediate);
    most = Math.max(most, made - before);
    before = made;
  }
  expect(most).toBe(7);
  expect((await answers).every((answer) => typeof answer !== 'string')).toBe(true);
});
