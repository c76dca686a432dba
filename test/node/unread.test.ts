/** Peers that read nothing of what they have a node say: what waits for them is bounded, and no end of a connection waits for it. */
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { initiate, type SecureStream } from '../../node/peer/noisestream.ts';
import type { Peer } from '../../node/peer/peer.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import type { Clock } from '../../node/ports/ports.ts';
import { zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { decodeMessage, encodeMessage } from '../../wire/message.ts';
import { secretKey } from '../../wire/units.ts';
import { hurriedClock } from '../support/hurried.ts';
import { eventually, type TestPeers, testPeers } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const start = async (options: Parameters<typeof testPeers>[1] = {}): Promise<TestPeers> => {
  const node = await testPeers(1, options);
  ending.push(() => node.peers.stop());
  return node;
};

const keyOf = (n: number) => secretKey(new Uint8Array(32).fill(n));

/** Somebody who has said `init`, and reads only what the test reads. */
const caller = async (node: TestPeers, n: number): Promise<SecureStream> => {
  const connection = await tcpTransport().dial({ host: '127.0.0.1', port: node.port }, new AbortController().signal);
  ending.push(() => connection.close());
  const parts = { connection, local: keyOf(n), remote: node.id, entropy: systemEntropy, clock: systemClock };
  const stream = await initiate(parts);
  const networks = [chainHashOf.regtest];
  stream.send(encodeMessage({ name: 'init', globalfeatures: zeros(0), features: ourFeatures('I'), networks }));
  return stream;
};

/** The node's end of a connection with somebody who reads nothing, once so much waits for it. */
const deaf = async (node: TestPeers, n: number, bytes: number): Promise<readonly [Peer, SecureStream]> => {
  const stream = await caller(node, n);
  const peer = await eventually(() => node.peers.get(pointOf(keyOf(n))));
  while (peer.unsent < bytes && !peer.closed) {
    peer.sendRaw(zeros(65_000));
    await new Promise(setImmediate);
  }
  return [peer, stream];
};

const ping = encodeMessage({ name: 'ping', num_pong_bytes: 65_531, ignored: zeros(0) });

/** A clock by which so much time passes between any two looks that nothing is ever too often. */
const leapingClock = (): Clock => {
  let now = 0;
  return { now: () => (now += 3_600_000), after: () => () => undefined };
};

describe('pings', () => {
  test('are not read any more while their pongs wait unread', async () => {
    const node = await start({ clock: leapingClock() });
    const callers = await Promise.all(Array.from({ length: 8 }, (_, i) => caller(node, 10 + i)));
    // What each of them sends is a thousandth of what it asks for.
    for (const stream of callers) for (let i = 0; i < 3_000; i++) stream.send(ping);
    const peers = await eventually(() => node.ready.length === 8 && node.ready);
    await eventually(() => peers.every(({ unsent }) => unsent > 0));
    for (let i = 0; i < 50; i++) {
      expect(Math.max(...peers.map(({ unsent }) => unsent))).toBeLessThan(100_000);
      expect(node.peers.unsent).toBeLessThan(8 * 100_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(node.ended).toEqual([]);
  });

  test('are answered at a rate, whoever reads, and none is left out', async () => {
    const clock = heldClock();
    const node = await start({ clock });
    const stream = await caller(node, 9);
    let pongs = 0;
    void (async () => {
      for await (const batch of stream.received)
        pongs += batch.filter((raw) => decodeMessage(raw).name === 'pong').length;
    })().catch(() => undefined);
    for (let i = 0; i < 12; i++) stream.send(ping);
    await eventually(() => pongs === 4 && clock.waiting > 1);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(pongs).toBe(4);
    for (const more of [6, 7, 8, 9, 10, 11, 12]) {
      clock.pass(9_000);
      await eventually(() => pongs === more);
    }
  });
});

describe('a peer that reads nothing', () => {
  test('is disconnected once more waits for it than may', async () => {
    const node = await start();
    const [peer] = await deaf(node, 9, 2 ** 30);
    expect(peer.closed).toBe(true);
    expect(node.ended[0]).toMatch(/does not read what is sent to it/);
    expect(node.peers.unsent).toBe(0);
  });

  test('has more room where there are channels with it', async () => {
    const friend = pointOf(keyOf(9));
    const node = await start({ channels: (id) => (id.every((byte, i) => byte === friend[i]) ? 2 : 0) });
    const [peer] = await deaf(node, 9, 4 * 1024 * 1024);
    expect(peer.closed).toBe(false);
    const [stranger] = await deaf(node, 8, 4 * 1024 * 1024);
    expect(stranger.closed).toBe(true);
  });

  test('gives way first where too much waits for all together', async () => {
    const node = await start({ limits: { unsentTotal: 1_500_000 } });
    const [little] = await deaf(node, 7, 300_000);
    const [much] = await deaf(node, 8, 900_000);
    const [third] = await deaf(node, 9, 500_000);
    expect([little.closed, much.closed, third.closed]).toEqual([false, true, false]);
    expect(node.ended).toEqual([expect.stringMatching(/too many bytes are queued for peers that do not read/)]);
  });

  test('loses its connection when it took nothing for a minute, whatever it says meanwhile', async () => {
    const clock = hurriedClock();
    const node = await start({ clock });
    const [peer, stream] = await deaf(node, 9, 500_000);
    for (let i = 0; i < 3; i++) {
      stream.send(Uint8Array.of(0x80, 0x01, i));
      await new Promise((resolve) => setTimeout(resolve, 20));
      clock.hurry(31);
    }
    expect(peer.closed).toBe(true);
    expect(node.ended).toEqual(['the peer does not read what is sent to it']);
  });

  test('is not waited for when its connection is ended', async () => {
    const clock = hurriedClock();
    const node = await start({ clock });
    const [peer, stream] = await deaf(node, 9, 500_000);
    peer.close('ended by the test');
    expect(peer.unsent).toBeGreaterThan(0);
    clock.hurry(4);
    expect(peer.unsent).toBe(0);
    // What the machine had taken already arrives, and then the end.
    await expect(
      (async () => {
        for await (const _ of stream.received);
      })(),
    ).resolves.toBeUndefined();
  });

  test('is not waited for when the node stops', async () => {
    const clock = hurriedClock();
    const node = await start({ clock });
    await deaf(node, 9, 500_000);
    const stopped = node.peers.stop();
    await new Promise(setImmediate);
    clock.hurry(4);
    await stopped;
    expect(node.peers.unsent).toBe(0);
  });
});
