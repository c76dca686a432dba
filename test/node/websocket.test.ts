/** Peers that reach a node by WebSocket, on the port on which it listens for all. */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { Peers } from '../../node/peer/peers.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { ourFeatures } from '../../wire/features.ts';
import type { Message } from '../../wire/message.ts';
import { channelId, secretKey } from '../../wire/units.ts';
import { eventually, memoryLog, type TestPeers, testPeers } from '../support/peers.ts';
import { webSocketTransport } from '../support/websockets.ts';

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

const listening = async (limits = {}): Promise<TestPeers> => {
  const node = await testPeers(1, { limits });
  open.push(node.peers);
  return node;
};

/** Somebody who connects by WebSocket. */
const guest = (n: number, size?: number, heard: Message[] = []): Peers => {
  const peers = new Peers({
    ...{ clock: systemClock, entropy: systemEntropy, log: memoryLog(), chainHash: chainHashOf.regtest },
    key: secretKey(new Uint8Array(32).fill(n)),
    features: ourFeatures('I'),
    transport: webSocketTransport(size),
    handlers: { ready: () => undefined, message: (_, message) => void heard.push(message), closed: () => undefined },
  });
  open.push(peers);
  return peers;
};

describe('a peer by WebSocket', () => {
  test.each([
    ['whole', undefined],
    ['byte by byte', 1],
  ])('is a peer as any other, though its bytes come %s', async (_, size) => {
    const node = await listening();
    const peer = await guest(2, size).connect(node.id, { host: '127.0.0.1', port: node.port });
    const data = new Uint8Array(size === undefined ? 60_000 : 100).fill(7);
    peer.send({ name: 'warning', channel_id: channelId(new Uint8Array(32)), data });
    await eventually(() =>
      node.received.find((message) => message.name === 'warning' && message.data.length === data.length),
    );
    expect(node.ready[0]?.direction).toBe('in');
  });

  test('gets all that is sent to it, in order', async () => {
    const node = await listening();
    const heard: Message[] = [];
    await guest(2, undefined, heard).connect(node.id, { host: '127.0.0.1', port: node.port });
    const there = await eventually(() => node.ready[0]);
    const sizes = Array.from({ length: 15 }, (_, i) => 60_000 + i);
    for (const size of sizes)
      there.send({ name: 'warning', channel_id: channelId(new Uint8Array(32)), data: new Uint8Array(size) });
    await eventually(() => heard.length === sizes.length);
    expect(heard.map((message) => message.name === 'warning' && message.data.length)).toEqual(sizes);
  });

  test('is one of its address: those that say nothing make room for others', async () => {
    const node = await listening({ pendingInbound: 2, pendingInboundPerSource: 2 });
    const silent = [0, 1, 2].map(() => new WebSocket(`ws://127.0.0.1:${node.port}`));
    const ends = silent.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of silent) socket.on('error', () => undefined);
    await Promise.race(ends);
    const peer = await guest(2).connect(node.id, { host: '127.0.0.1', port: node.port });
    expect(peer.closed).toBe(false);
    for (const socket of silent) socket.terminate();
  });
});

describe('who speaks HTTP on the port for peers', () => {
  /** Everything that comes for what is sent, until the connection ends. */
  const answered = (port: number, sent: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
      socket.write(sent);
    });

  test('and asks for no WebSocket is told what port it is', async () => {
    const { port } = await listening();
    expect(await answered(port, 'GET / HTTP/1.1\r\nHost: node.example\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 426 [\s\S]*BOLT 8/,
    );
  });

  test.each([
    ['sends no request', 'GARBAGE\r\n\r\n'],
    ['sends headers without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`],
  ])('and %s is disconnected', async (_, sent) => {
    const { port } = await listening();
    expect(await answered(port, sent)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test('and sends a text where bytes are expected is disconnected', async () => {
    const { port } = await listening();
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on('open', () => socket.send('hello'));
    expect(await new Promise((resolve) => socket.on('close', resolve))).not.toBe(1000);
  });
});
