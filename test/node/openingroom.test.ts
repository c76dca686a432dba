/** Which of the channels that wait for a funding gives way when there is no room for more. */
import { expect, test } from 'vitest';
import { ChainError } from '../../node/chain/errors.ts';
import type { Entry } from '../../node/channels/entry.ts';
import { MAX_UNFUNDED_PEERS, makeRoom, roomFor } from '../../node/channels/unfundedlimits.ts';

const HEIGHT = 700;

/** A channel that a peer opened at a height, coming from somewhere, and what it is told. */
const waiting = (peer: string, source: string, since: number) => {
  const told: string[] = [];
  const state = {
    phase: 'open',
    core: { params: { role: 'fundee', since }, lockin: { scid: undefined }, funding: { txid: peer } },
  };
  const machine = { state, push: ({ type }: { type: string }) => void told.push(type), settled: async () => undefined };
  return { entry: { key: peer, peer, source, machine } as unknown as Entry, told };
};
type Waiting = ReturnType<typeof waiting>;

/** Has one give way for a newcomer; the peers whose fundings the mempool has are named. */
const crowd = async (all: readonly Waiting[], seen: readonly string[] = []) => {
  const room = roomFor(
    all.map(({ entry }) => entry),
    'newcomer',
  );
  if (room.room !== 'crowded') return { room: room.room, gone: [] };
  const asked: string[] = [];
  const chain = {
    waitingFeerate: async (txid: unknown) => {
      asked.push(String(txid));
      return seen.includes(String(txid)) ? 253 : undefined;
    },
  };
  const made = await makeRoom(room.peers, chain, HEIGHT);
  const gone = all.filter(({ told }) => told.includes('displaced')).map(({ entry }) => entry.peer);
  return { room: made, gone, asked };
};

/** As many strangers as have room, three of four from one source. */
const full = () =>
  Array.from({ length: MAX_UNFUNDED_PEERS }, (_, i) =>
    i % 4 === 0 ? waiting(`other ${i}`, `198.51.100.${i}`, 1) : waiting(`one ${i}`, '192.0.2.1', 600 - i),
  );

test('nobody does while there is room', async () => {
  expect(await crowd(full().slice(1))).toEqual({ room: 'free', gone: [] });
});

test('the oldest of the source that has most of them does, though others came before', async () => {
  expect(await crowd(full())).toMatchObject({ room: 'made', gone: ['one 49'], asked: ['one 49'] });
});

test('one whose funding is in the mempool does not, and is asked about once in a block', async () => {
  const all = full();
  const first = await crowd(all, ['one 49', 'one 47']);
  expect(first).toMatchObject({ room: 'made', gone: ['one 46'], asked: ['one 49', 'one 47', 'one 46'] });
  const left = all.filter(({ told }) => told.length === 0);
  const again = await crowd([...left, waiting('one more', '192.0.2.1', 650)], ['one 49', 'one 47']);
  expect(again).toMatchObject({ room: 'made', gone: ['one 45'], asked: ['one 45'] });
});

test('where all fundings are in the mempool there is room for more of that kind', async () => {
  const all = full();
  const names = all.map(({ entry }) => entry.peer);
  expect(await crowd(all, names)).toMatchObject({ room: 'enough', gone: [] });
});

test('nobody does while the chain does not answer', async () => {
  const all = full();
  const room = roomFor(
    all.map(({ entry }) => entry),
    'newcomer',
  );
  const away = { waitingFeerate: () => Promise.reject(new ChainError({ code: 'closed' })) };
  if (room.room !== 'crowded') throw new Error(room.room);
  await expect(makeRoom(room.peers, away, HEIGHT)).rejects.toBeInstanceOf(ChainError);
  expect(all.every(({ told }) => told.length === 0)).toBe(true);
});
