/** An EOB protocol of the program's own between whole nodes: sent, read at a middle hop and at the destination, and held there. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { besideAmp, type OwnProtocol } from '../../amp/payload.ts';
import { tree } from '../../amp/tree.ts';
import type { Experiments } from '../../node/core/hooks.ts';
import type { FinalNote, ForwardAnswer, ForwardNote } from '../../node/forward/forwardnotes.ts';
import { concat, hex, text, utf8 } from '../../wire/bytes.ts';
import { startLocal } from '../support/inprocess.ts';
import { type Line, startLine } from '../support/line.ts';
import { becomes } from '../support/pair.ts';
import { memoryLog } from '../support/peers.ts';

const words = (blobs: readonly Uint8Array[]): string => text(concat(...blobs)).replace(/\0+$/, '');
const note: OwnProtocol = {
  name: 'note',
  forward: (_frame, { blobs }) => ({ accept: words(blobs) }),
  final: besideAmp(tree, (_frame, { blobs }) => ({ accept: words(blobs) })),
};
const forwarded: ForwardNote[] = [];
const received: FinalNote[] = [];
/** Answers that bob's program owes; it answers at once unless `isSlow`. */
const owed: ((answer: ForwardAnswer) => void)[] = [];
let isSlow = false;
const reading: Experiments = {
  protocols: new Map([14, 15].map((number) => [number, note])),
  onForwardNote: (one) => {
    forwarded.push(one);
    return isSlow ? new Promise((resolve) => owed.push(resolve)) : undefined;
  },
  onFinalNote: (one) => void received.push(one),
};
/** For payments of 7,000 sat alone. */
const compose: OwnProtocol['compose'] = ({ amount }, _shard, route) =>
  route.map((_, i) => (amount === 7_000_000n ? utf8(`for hop ${i + 1} of ${route.length}`) : undefined));
const composing: Experiments = { protocols: new Map([[15, { ...note, mostBlobs: 2, compose }]]) };

let line: Line;
beforeAll(async () => {
  line = await startLine(0, {}, { alice: composing, bob: reading, carol: reading });
  await line.mine(6);
  await becomes('carol and the way to her known to alice', async () => {
    const { channels } = await line.alice.call('listchannels', {});
    const { nodes } = await line.alice.call('listnodes', { id: line.carol.id });
    return channels.length === 4 && nodes[0]?.last_timestamp !== undefined;
  });
});
afterAll(() => line?.stop());
beforeEach(() => {
  for (const list of [forwarded, received, owed]) list.length = 0;
  isSlow = false;
});

const send = (given: object = {}) =>
  line.alice.call('keysend', { destination: line.carol.id, amount_msat: 5_000_000n, scheme: 'tree', ...given });
const toBob = `1:14:${hex(utf8('to bob'))}`;
const toCarol = `last:14:${hex(utf8('to carol'))}`;

test('blobs that a caller gives a payment are read by the hops they are for, which are told of the HTLC', async () => {
  expect(await send({ blob: [toBob, toCarol] })).toMatchObject({ status: 'complete', parts: 1 });
  const [atBob, atCarol] = [forwarded[0], received[0]];
  if (atBob === undefined || atCarol === undefined) throw new Error('expected two notes');
  expect(atBob).toMatchObject({ protocol: 14, value: 'to bob', outgoing: { amount: 5_000_000n } });
  expect([atBob.incoming.peer, atBob.outgoing.peer].map(hex)).toEqual([line.alice.id, line.carol.id]);
  expect(atCarol).toMatchObject({ protocol: 14, value: 'to carol', paymentHash: atBob.paymentHash });
  const { peer, amount, expiry, shortChannelId } = atCarol.incoming;
  expect([hex(peer), amount, expiry]).toEqual([line.bob.id, 5_000_000n, atBob.outgoing.expiry]);
  expect(shortChannelId).toBe(atBob.outgoing.shortChannelId);
});

test('an invoice that asks for an AMP is paid with blobs of the payer for its payee', async () => {
  const { bolt11 } = await line.carol.call('invoice', {
    ...{ amount_msat: 3_000_000n, label: 'noted', description: 'noted', amp: 'eob' },
  });
  expect(await line.alice.call('pay', { bolt11, shards: 2, blob: [toCarol] })).toMatchObject({ parts: 2 });
  expect(received.map(({ value }) => value)).toEqual(['to carol', 'to carol']);
});

test('a protocol of the program adds blobs of its own to every hop of a payment', async () => {
  await send({ amount_msat: 7_000_000n });
  expect([...forwarded, ...received].map(({ protocol, value }) => `${protocol} ${value}`)).toEqual([
    '15 for hop 1 of 2',
    '15 for hop 2 of 2',
  ]);
});

test('blobs of a protocol that a hop does not know fail the payment and say so', async () => {
  await expect(send({ blob: ['1:13:00'] })).rejects.toThrow(/invalid_realm at node/);
  expect(forwarded).toEqual([]);
});

test('an HTLC that the program holds goes on once it has answered, and goes back if it refuses', async () => {
  isSlow = true;
  const paid = send({ blob: [toBob] });
  await becomes('an HTLC held', () => owed.length === 1);
  owed[0]?.(undefined);
  expect(await paid).toMatchObject({ status: 'complete' });
  const unpaid = send({ blob: [toBob], retry_for: 5 });
  await becomes('another held', () => owed.length === 2);
  owed[1]?.({ refuse: { name: 'permanent_node_failure' } });
  await expect(unpaid).rejects.toThrow(/permanent_node_failure at node/);
});

test('a node that restarts while an HTLC is held asks its program about it again, and the payment ends well', async () => {
  isSlow = true;
  const paid = send({ blob: [toBob, toCarol] });
  await becomes('an HTLC held', () => owed.length === 1);
  await line.bob.stop();
  owed[0]?.(undefined);
  const bob = await startLocal({
    ...{ dir: join(line.dir, 'bob'), ground: line.ground, log: memoryLog(), experiments: reading },
  });
  for (const node of [line.alice, line.carol])
    await bob.call('connect', { id: node.id, host: '127.0.0.1', port: node.node.peers.address?.port ?? 0 });
  await becomes('both channels of bob in use', async () => {
    const { channels } = await bob.call('listpeerchannels', {});
    return channels.length === 2 && channels.every(({ reestablished }) => reestablished);
  });
  await becomes('the HTLC held again', () => owed.length === 2);
  owed[1]?.(undefined);
  expect(await paid).toMatchObject({ status: 'complete' });
  expect(forwarded.map(({ value, paymentHash }) => [value, paymentHash])).toEqual([
    ['to bob', received[0]?.paymentHash],
    ['to bob', received[0]?.paymentHash],
  ]);
  expect(received.map(({ value }) => value)).toEqual(['to carol']);
  await bob.stop();
});
