/** Who calls a node, and how many may: places before and after the handshake, for strangers and for those with a channel. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { ConnectionSlots, LOOPBACK, sourceOf } from '../../node/peer/connectionslots.ts';
import { peerLimits } from '../../node/peer/limits.ts';
import { initiate, respond } from '../../node/peer/noisestream.ts';
import { Peers } from '../../node/peer/peers.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import { equal } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { sendActOne } from '../../wire/noise.ts';
import { type Point, secretKey } from '../../wire/units.ts';
import { eventually, memoryLog, type TestPeers, testPeers } from '../support/peers.ts';
import { heldClock } from '../support/quiet.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const start = async (n: number, options: Parameters<typeof testPeers>[1] = {}): Promise<TestPeers> => {
  const node = await testPeers(n, options);
  ending.push(() => node.peers.stop());
  return node;
};
const at = (node: TestPeers) => ({ host: '127.0.0.1', port: node.port });
const keyOf = (n: number) => secretKey(new Uint8Array(32).fill(n));
const isOneOf =
  (...ids: readonly Point[]) =>
  (id: Point): number =>
    ids.some((one) => equal(one, id)) ? 1 : 0;

/** Opens a socket and says nothing. */
const silent = (node: TestPeers): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(node.port, '127.0.0.1', () => resolve(socket.resume()));
    socket.once('error', reject);
    ending.push(() => socket.destroy());
  });
const silents = async (node: TestPeers, count: number): Promise<readonly Socket[]> => {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) sockets.push(await silent(node));
  return sockets;
};
/** Passes the handshake and says nothing. */
const mute = async (node: TestPeers, n: number): Promise<Socket | undefined> => {
  const connection = await tcpTransport().dial(at(node), new AbortController().signal);
  ending.push(() => connection.close());
  await initiate({ connection, local: keyOf(n), remote: node.id, entropy: systemEntropy, clock: systemClock });
  return undefined;
};
const left = (sockets: readonly Socket[]): number => sockets.filter(({ closed }) => !closed).length;

describe('silent connections', () => {
  test('keep no new connection out: the oldest is closed for it', async () => {
    const node = await start(1, { limits: { pendingInbound: 4 } });
    const friend = await start(2);
    const sockets = await silents(node, 10);
    await eventually(() => left(sockets) === 4);
    expect(sockets.map(({ closed }) => closed).lastIndexOf(true)).toBe(5);
    await friend.peers.connect(node.id, at(node));
  });

  test('keep no new connection out after the handshake either, before their init', async () => {
    const node = await start(1, { limits: { pendingInbound: 4 } });
    const friend = await start(2);
    for (let i = 0; i < 10; i++) await mute(node, 20 + i);
    const sockets = await silents(node, 2);
    await friend.peers.connect(node.id, at(node));
    expect(left(sockets)).toBeGreaterThan(0);
  });

  test('have fewer slots for one source, where loopback counts as one', async () => {
    const node = await start(1, { limits: { pendingInbound: 10, pendingInboundPerSource: 2 }, limitLoopback: true });
    const sockets = await silents(node, 6);
    await eventually(() => left(sockets) === 2);
  });

  test('end when the node stops, those that passed the handshake too', async () => {
    const node = await start(1);
    const sockets = await silents(node, 3);
    await mute(node, 9);
    await node.peers.stop();
    await eventually(() => left(sockets) === 0);
  });

  test('are closed after five seconds', async () => {
    const clock = heldClock();
    const node = await start(1, { clock });
    const sockets = await silents(node, 3);
    await eventually(() => clock.waiting === 3);
    clock.pass(5_000);
    await eventually(() => left(sockets) === 0);
  });
});

describe('an inbound handshake', () => {
  /** Runs the handshake with somebody who says it and then stays, or hangs up before it is his turn; what he was told. */
  const answered = async (stays: boolean): Promise<readonly Uint8Array[]> => {
    const told: Uint8Array[] = [];
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const shaken = respond({
      connection: {
        remote: { host: 'x', port: 1 },
        received: (async function* () {
          yield sendActOne(keyOf(2), pointOf(keyOf(1)), keyOf(3))[0];
          if (stays) await ended;
        })(),
        send: async (bytes) => {
          told.push(bytes);
          end();
        },
        close: end,
      },
      turn: () => new Promise((resolve) => setImmediate(resolve)),
      ...{ local: keyOf(1), entropy: systemEntropy, clock: heldClock() },
    });
    await expect(shaken).rejects.toMatchObject({ code: 'ended_in_handshake' });
    return told;
  };

  test('gets act two when its turn comes', async () => {
    expect(await answered(true)).toHaveLength(1);
  });

  test('that is closed before its turn causes no work', async () => {
    expect(await answered(false)).toEqual([]);
  });
});

describe('peers without a channel', () => {
  test('never exceed their limit, however many connect at once; one with a channel always gets in', async () => {
    const friend = await start(50);
    const node = await start(1, { limits: { withoutChannel: 3 }, channels: isOneOf(friend.id) });
    const others = await Promise.all(Array.from({ length: 12 }, (_, i) => start(10 + i)));
    const came = await Promise.allSettled(others.map((other) => other.peers.connect(node.id, at(node))));
    await eventually(() => [...node.peers.all].length === 3 && came.length === 12);
    await friend.peers.connect(node.id, at(node));
    await eventually(() => node.peers.get(friend.id));
    expect([...node.peers.all]).toHaveLength(4);
    expect(node.log.join()).not.toContain('internal error');
  });

  test('free their slots when they get a channel, and when they disconnect', async () => {
    const withChannel: Point[] = [];
    const node = await start(1, { limits: { withoutChannel: 1 }, channels: (id) => isOneOf(...withChannel)(id) });
    const [first, second, third] = [await start(2), await start(3), await start(4)];
    await first.peers.connect(node.id, at(node));
    await eventually(() => node.peers.get(first.id));
    await second.peers.connect(node.id, at(node)).catch(() => undefined);
    await eventually(() => second.ended.length === 1);
    expect(node.peers.get(second.id)).toBeUndefined();
    withChannel.push(first.id);
    await second.peers.connect(node.id, at(node));
    const peer = await eventually(() => node.peers.get(second.id));
    peer.close('ended by the test');
    await third.peers.connect(node.id, at(node));
    await eventually(() => node.peers.get(third.id));
    expect(node.peers.get(first.id)).toBeDefined();
  });
});

describe('outbound connections being made', () => {
  /** Peers whose calls are never answered. */
  const calling = (limits: { readonly dialling: number; readonly reconnecting: number }) => {
    const clock = heldClock();
    const dialled: number[] = [];
    const peers = new Peers({
      ...{ key: keyOf(1), features: ourFeatures('I'), chainHash: chainHashOf.regtest, clock, entropy: systemEntropy },
      ...{ log: memoryLog(), limits },
      transport: {
        dial: ({ port }, signal) => {
          dialled.push(port);
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
        },
        listen: () => Promise.reject(new Error('nobody listens')),
      },
      handlers: { ready: () => undefined, message: () => undefined, closed: () => undefined },
    });
    ending.push(() => peers.stop());
    return { clock, dialled, peers };
  };
  const idOf = (n: number) => pointOf(keyOf(n));

  test('are limited: one more is refused with a reason', async () => {
    const { peers, dialled } = calling({ dialling: 2, reconnecting: 1 });
    const first = peers.connect(idOf(2), { host: 'a', port: 2 });
    const second = peers.connect(idOf(3), { host: 'a', port: 3 });
    await expect(peers.connect(idOf(4), { host: 'a', port: 4 })).rejects.toMatchObject({ code: 'busy' });
    expect(dialled).toEqual([2, 3]);
    await peers.stop();
    await expect(Promise.allSettled([first, second])).resolves.toHaveLength(2);
  });

  test('leave room for the connect command; automatic reconnects wait for a slot', async () => {
    const { clock, peers, dialled } = calling({ dialling: 3, reconnecting: 2 });
    for (const port of [2, 3, 4]) peers.keepConnected(idOf(port), [{ host: 'a', port }]);
    clock.pass(1);
    expect(dialled).toEqual([2, 3]);
    peers.connect(idOf(5), { host: 'a', port: 5 }).catch(() => undefined);
    expect(dialled).toEqual([2, 3, 5]);
    // Nobody answers the first: their time is over.
    clock.pass(16_000);
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    clock.pass(2_000);
    expect(dialled).toContain(4);
  });
});

describe('a source address', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['127.0.0.1', LOOPBACK],
    ['127.8.9.1', LOOPBACK],
    ['::ffff:127.0.0.1', LOOPBACK],
    ['::1', LOOPBACK],
    ['2001:db8:1:2:3:4:5:6', '20010db800010002/64'],
    ['2001:db8:1:2::9', '20010db800010002/64'],
    ['2001:db8:1:3::9', '20010db800010003/64'],
    ['fe80::1%eth0', 'fe80000000000000/64'],
  ])('of %s is %s', (host, source) => {
    expect(sourceOf(host)).toBe(source);
  });

  test('that holds most slots loses one of them, never one that holds few', () => {
    const places = new ConnectionSlots<string>({ total: 6, perSource: 4 });
    for (const one of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) places.add(one[0] ?? '', one);
    expect(places.oldestToEvict('d')).toBe('a1');
    expect(places.youngestToEvict('d')).toBe('a3');
    expect(places.youngestToEvict('b')).toBe('newcomer');
    places.free('a', 'a1');
    expect(places.oldestToEvict('d')).toBeUndefined();
    places.add('a', 'a4');
    places.free('b', 'b1');
    places.add('a', 'a5');
    expect(places.oldestToEvict('a')).toBe('a2');
    expect(places.youngestToEvict('a')).toBe('newcomer');
  });

  test('gets few of all slots', () => {
    expect(peerLimits.pendingInboundPerSource * 8).toBeLessThanOrEqual(peerLimits.pendingInbound);
    expect(peerLimits.withoutChannelPerSource * 8).toBeLessThanOrEqual(peerLimits.withoutChannel);
  });
});
