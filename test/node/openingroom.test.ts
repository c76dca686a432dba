/** Which of the channels that wait for a funding gives way when there is no room for more. */
import { expect, test } from 'vitest';
import { fundingOutputScript } from '../../channel/tx/funding.ts';
import { ChainError } from '../../node/chain/errors.ts';
import type { Entry } from '../../node/channels/entry.ts';
import { admissionOf, displaceUnfunded, MAX_UNFUNDED_PEERS } from '../../node/channels/unfundedlimits.ts';
import type { Chain, Unspent } from '../../node/ports/ports.ts';
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

type Output = Pick<Unspent, 'amount' | 'script'>;
const right: Output = { amount: terms.capacity, script };
/** What the mempool or a block has under these names: the funding as it should be. */
const there = (...names: readonly string[]) => new Map(names.map((name) => [name, right]));

/** Has one give way for a newcomer, where these outputs are in the mempool or a block. */
const crowd = async (all: readonly Waiting[], outputs: ReadonlyMap<string, Output> = there()) => {
  const room = admissionOf(
    all.map(({ entry }) => entry),
    'newcomer',
  );
  if (room.room !== 'crowded') return { room: room.room, gone: [] };
  const asked: string[] = [];
  const unspent: Chain['unspent'] = async ({ txid }, priority, where) => {
    expect([priority, where]).toEqual(['low', 'mempool']);
    asked.push(String(txid));
    const output = outputs.get(String(txid));
    return output && { ...output, confirmations: 0, coinbase: false };
  };
  const chain = { unspent };
  const made = await displaceUnfunded(room.peers, chain, HEIGHT);
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

test('one whose funding is in the mempool or a block does not, and is asked about once in a block', async () => {
  const all = full();
  const first = await crowd(all, there('one 49', 'one 47'));
  expect(first).toMatchObject({ room: 'made', gone: ['one 46'], asked: ['one 49', 'one 47', 'one 46'] });
  const left = all.filter(({ told }) => told.length === 0);
  const again = await crowd([...left, waiting('one more', '192.0.2.1', 650)], there('one 49', 'one 47'));
  expect(again).toMatchObject({ room: 'made', gone: ['one 45'], asked: ['one 45'] });
});

test('one that names an output of somebody else as its funding does', async () => {
  const outputs = new Map([
    ['one 49', right],
    ['one 47', { ...right, amount: sat(1n) }],
    ['one 46', { ...right, script: Uint8Array.of(0x51) }],
  ]);
  const all = full();
  expect(await crowd(all, outputs)).toMatchObject({ room: 'made', gone: ['one 47'] });
  const left = all.filter(({ told }) => told.length === 0);
  const again = await crowd([...left, waiting('one more', '192.0.2.1', 650)], outputs);
  expect(again).toMatchObject({ room: 'made', gone: ['one 46'] });
});

test('where all fundings are in the mempool there is room for more of that kind', async () => {
  const all = full();
  const names = all.map(({ entry }) => entry.peer);
  expect(await crowd(all, there(...names))).toMatchObject({ room: 'enough', gone: [] });
});

test('nobody does while the chain does not answer', async () => {
  const all = full();
  const room = admissionOf(
    all.map(({ entry }) => entry),
    'newcomer',
  );
  const away = { unspent: () => Promise.reject(new ChainError({ code: 'closed' })) };
  if (room.room !== 'crowded') throw new Error(room.room);
  await expect(displaceUnfunded(room.peers, away, HEIGHT)).rejects.toBeInstanceOf(ChainError);
  expect(all.every(({ told }) => told.length === 0)).toBe(true);
});
