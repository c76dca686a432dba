/** Which of the channels that wait for a funding gives way when there is no room for more. */
import { expect, test } from 'vitest';
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import { ChainError } from '../../node/chain/errors.ts';
import type { Entry } from '../../node/channels/entry.ts';
import { MAX_UNFUNDED_PEERS, makeRoom, roomFor } from '../../node/channels/unfundedlimits.ts';
import type { Outpoint, Unspent } from '../../node/ports/ports.ts';
import { pointOf } from '../../wire/crypto.ts';
import { sat, secretKey } from '../../wire/units.ts';

const HEIGHT = 700;

const terms = {
  role: 'fundee',
  capacity: sat(100_000n),
  local: { basepoints: { funding: pointOf(secretKey(new Uint8Array(32).fill(1))) } },
  remote: { basepoints: { funding: pointOf(secretKey(new Uint8Array(32).fill(2))) } },
};
const script = fundingOutputScript(terms.local.basepoints.funding, terms.remote.basepoints.funding);

/** A channel that a peer opened at a height, coming from somewhere, and what it is told. */
const waiting = (peer: string, source: string, since: number) => {
  const told: string[] = [];
  const state = {
    phase: 'open',
    core: { params: { ...terms, since }, lockin: { scid: undefined }, funding: { txid: peer, index: 0 } },
  };
  const machine = { state, push: ({ type }: { type: string }) => void told.push(type), settled: async () => undefined };
  return { entry: { key: peer, peer, source, machine } as unknown as Entry, told };
};
type Waiting = ReturnType<typeof waiting>;

/** Has one give way for a newcomer; the peers whose fundings the mempool has are named, and those with outputs in blocks. */
const crowd = async (
  all: readonly Waiting[],
  seen: readonly string[] = [],
  mined: ReadonlyMap<string, Pick<Unspent, 'amount' | 'script'>> = new Map(),
) => {
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
    unspent: async ({ txid }: Outpoint) => {
      const output = mined.get(String(txid));
      return output && { ...output, confirmations: 1, coinbase: false };
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

test('one whose funding is in a block, though not as deep as it has to be, does not; another output of that name does not count', async () => {
  const mined = new Map([
    ['one 49', { amount: terms.capacity, script }],
    ['one 47', { amount: sat(1n), script }],
    ['one 46', { amount: terms.capacity, script: Uint8Array.of(0x51) }],
  ]);
  const all = full();
  expect(await crowd(all, [], mined)).toMatchObject({ room: 'made', gone: ['one 47'] });
  const left = all.filter(({ told }) => told.length === 0);
  const again = await crowd([...left, waiting('one more', '192.0.2.1', 650)], [], mined);
  expect(again).toMatchObject({ room: 'made', gone: ['one 46'] });
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
  const closed = () => Promise.reject(new ChainError({ code: 'closed' }));
  const away = { waitingFeerate: closed, unspent: closed };
  if (room.room !== 'crowded') throw new Error(room.room);
  await expect(makeRoom(room.peers, away, HEIGHT)).rejects.toBeInstanceOf(ChainError);
  expect(all.every(({ told }) => told.length === 0)).toBe(true);
});
