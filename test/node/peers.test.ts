/** Connections over real sockets: who gets in, who is turned away and why, and coming back after a loss. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import { initiate, type SecureStream } from '../../node/peer/noisestream.ts';
import { Peer } from '../../node/peer/peer.ts';
import { ConnectError } from '../../node/peer/peers.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import { MessageTrace } from '../../node/peer/trace.ts';
import { concat, utf8, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { bitmapOf, ourFeatures } from '../../wire/features.ts';
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts';
import { channelId, secretKey } from '../../wire/units.ts';
import { hurriedClock } from '../support/hurried.ts';
import { eventually, memoryLog, type TestPeers, testPeers } from '../support/peers.ts';

const open: { peers: { stop(): Promise<void> } }[] = [];
const start = async (...args: Parameters<typeof testPeers>): Promise<TestPeers> => {
  const node = await testPeers(...args);
  open.push(node);
  return node;
};
afterEach(async () => {
  for (const node of open.splice(0)) await node.peers.stop();
});

const at = (node: TestPeers) => ({ host: '127.0.0.1', port: node.port });
const socketTo = (node: TestPeers): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(node.port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

/** A hand-driven peer: the handshake done, nothing said yet. */
const dialled = async (node: TestPeers, n = 9): Promise<SecureStream> => {
  const connection = await tcpTransport().dial(at(node), new AbortController().signal);
  const local = secretKey(new Uint8Array(32).fill(n));
  return initiate({ connection, local, remote: node.id, entropy: systemEntropy, clock: systemClock });
};
const init = (features = ourFeatures('I'), networks = [chainHashOf.regtest]): Uint8Array =>
  encodeMessage({ name: 'init', globalfeatures: zeros(0), features, networks });
/** Everything the node says until it closes the connection. */
const heard = async (stream: SecureStream): Promise<Message[]> => {
  const out: Message[] = [];
  for await (const batch of stream.received)
    for (const raw of batch) {
      const message = decodeMessage(raw);
      if (message.name !== 'unknown') out.push(message);
    }
  return out;
};
const warning = (messages: Message[]): string | undefined => {
  for (const m of messages) if (m.name === 'warning') return new TextDecoder().decode(m.data);
  return undefined;
};

describe('two nodes', () => {
  test('meet, agree on features and hand each other messages with their raw bytes', async () => {
    const a = await start(1);
    const b = await start(2);
    const peer = await a.peers.connect(b.id, at(b));
    expect(peer.features.has('option_eob_amp')).toBe(true);
    peer.send({ name: 'warning', channel_id: channelId(zeros(32)), data: utf8('hello') });
    const message = await eventually(() => b.received[0]);
    expect(message.name).toBe('warning');
    expect(b.peers.get(a.id)?.direction).toBe('in');
  });

  test('share one connection however often they connect', async () => {
    const a = await start(1);
    const b = await start(2);
    const [first, second] = await Promise.all([a.peers.connect(b.id, at(b)), a.peers.connect(b.id, at(b))]);
    expect(second).toBe(first);
    expect(await a.peers.connect(b.id, at(b))).toBe(first);
  });

  test('keep exactly one connection when both dial at once', async () => {
    const a = await start(1);
    const b = await start(2);
    await Promise.allSettled([a.peers.connect(b.id, at(b)), b.peers.connect(a.id, at(a))]);
    await eventually(() => {
      const x = a.peers.get(b.id);
      const y = b.peers.get(a.id);
      return x !== undefined && y !== undefined && x.direction !== y.direction;
    });
    a.peers.get(b.id)?.send({ name: 'warning', channel_id: channelId(zeros(32)), data: utf8('still there') });
    await eventually(() => b.received.length > 0);
  });

  test('reconnect after a loss when one of them keeps a channel with the other', async () => {
    const a = await start(1);
    const b = await start(2);
    a.peers.keepConnected(b.id, [at(b)]);
    const first = await eventually(() => a.peers.get(b.id));
    first.close('cut by the test');
    const second = await eventually(() => {
      const now = a.peers.get(b.id);
      return now !== first ? now : undefined;
    });
    expect(second.closed).toBe(false);
  });

  test('on different chains part with a warning that says so', async () => {
    const a = await start(1);
    const b = await start(2, { chainHash: chainHashOf.signet });
    await expect(a.peers.connect(b.id, at(b))).rejects.toThrow(ConnectError);
    await eventually(() => [...a.peers.all].length === 0 && [...b.peers.all].length === 0);
  });
});

describe('init tells an inbound peer its own address', () => {
  /** The `init` that somebody hears who is seen to call from there. */
  const greeting = async (host: string, direction: 'in' | 'out') => {
    const sent: Uint8Array[] = [];
    const stream = {
      remote: pointOf(secretKey(new Uint8Array(32).fill(3))),
      connection: { remote: { host, port: 5000 } },
      send: (raw: Uint8Array) => void sent.push(raw),
      received: (async function* () {})(),
      flushed: () => Promise.resolve(),
      close: () => undefined,
    } as unknown as SecureStream;
    const handlers = { ready: () => undefined, message: () => undefined, closed: () => undefined };
    const [features, chainHash] = [ourFeatures('I'), chainHashOf.regtest];
    const queued = () => undefined;
    const log = memoryLog();
    await new Peer({
      stream,
      direction,
      features,
      chainHash,
      clock: systemClock,
      log,
      trace: new MessageTrace(log, '', undefined),
      handlers,
      onQueued: queued,
      afterSlice: queued,
    }).run();
    const message = decodeMessage(sent[0] ?? zeros(0));
    return message.name === 'init' ? message.remote_addr : undefined;
  };
  test.each([
    ['8.8.8.8', { type: 'ipv4', host: Uint8Array.of(8, 8, 8, 8), port: 5000 }],
    ['::ffff:8.8.8.8', { type: 'ipv4', host: Uint8Array.of(8, 8, 8, 8), port: 5000 }],
    ['2001:db8::1', { type: 'ipv6', host: Uint8Array.of(0x20, 1, 0xd, 0xb8, ...zeros(11), 1), port: 5000 }],
  ] as const)('%s', async (host, address) => {
    expect(await greeting(host, 'in')).toEqual(address);
    expect(await greeting(host, 'out')).toBeUndefined();
  });
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '172.31.9.9',
    '169.254.1.1',
    '100.64.0.1',
    '::1',
    'fd12::1',
    'fe80::1',
    '::ffff:10.0.0.1',
  ])('but not by one of a private network: %s', async (host) => {
    expect(await greeting(host, 'in')).toBeUndefined();
  });
});

describe('connect fails with a reason', () => {
  test('when nobody listens', async () => {
    const a = await start(1);
    const b = await testPeers(2);
    await b.peers.stop();
    await expect(a.peers.connect(b.id, at(b))).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('when the node there has another id', async () => {
    const a = await start(1);
    const b = await start(2);
    const other = pointOf(secretKey(new Uint8Array(32).fill(3)));
    await expect(a.peers.connect(other, at(b))).rejects.toMatchObject({ code: 'handshake' });
  });
});

describe('a peer is disconnected', () => {
  test('that sends garbage instead of act one', async () => {
    const node = await start(1);
    const socket = await socketTo(node);
    const gone = closed(socket);
    socket.write(new Uint8Array(50).fill(7));
    await gone;
    expect(node.ready).toHaveLength(0);
  });

  test('that falls silent or leaves in the middle of the handshake', async () => {
    const node = await start(1);
    const socket = await socketTo(node);
    socket.write(new Uint8Array(10));
    socket.end();
    await closed(socket);
    const friend = await start(2);
    await friend.peers.connect(node.id, at(node));
  });

  test('that sends garbage after the handshake', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init());
    await eventually(() => node.ready.length === 1);
    await stream.connection.send(new Uint8Array(100).fill(1));
    await eventually(() => node.ended.length === 1);
    expect(node.ended[0]).toMatch(/authentication tag/);
  });

  test('that forges a frame, after the whole messages before it in the same chunk were handled', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init());
    await eventually(() => node.ready.length === 1);
    const send = stream.connection.send;
    stream.connection.send = (bytes) => send(concat(bytes, new Uint8Array(40).fill(1)));
    stream.send(encodeMessage({ name: 'warning', channel_id: channelId(zeros(32)), data: utf8('the last word') }));
    await eventually(() => node.ended.length === 1);
    expect(node.received.map(({ name }) => name)).toEqual(['warning']);
    expect(node.ended[0]).toMatch(/authentication tag/);
  });

  test('that does not begin with init', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(encodeMessage({ name: 'ping', num_pong_bytes: 1, ignored: zeros(0) }));
    await heard(stream);
    expect(node.ready).toHaveLength(0);
  });

  test('whose init demands a feature nobody knows, with a warning that names the bit', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init(bitmapOf([300])));
    expect(warning(await heard(stream))).toMatch(/bit 300/);
  });

  test('that sends an unknown even message, with a warning that names its type', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init());
    stream.send(Uint8Array.of(0x80, 0x00, 1, 2, 3));
    expect(warning(await heard(stream))).toMatch(/32768/);
  });

  test.each([
    ['cut short', (raw: Uint8Array) => raw.slice(0, 20), /warning\.|truncated|expected/],
    ['with an unknown even record', (raw: Uint8Array) => Uint8Array.of(...raw, 100, 0), /100/],
  ])('who sends a message %s, with a warning', async (_, spoil, expected) => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init());
    stream.send(spoil(encodeMessage({ name: 'warning', channel_id: channelId(zeros(32)), data: utf8('x') })));
    expect(warning(await heard(stream))).toMatch(expected);
  });
});

describe('a peer keeps its connection', () => {
  test('when it sends unknown odd messages, pings and a second init', async () => {
    const node = await start(1);
    const stream = await dialled(node);
    stream.send(init());
    stream.send(Uint8Array.of(0x80, 0x01, 1, 2, 3));
    stream.send(init());
    stream.send(encodeMessage({ name: 'ping', num_pong_bytes: 3, ignored: zeros(5) }));
    stream.send(encodeMessage({ name: 'ping', num_pong_bytes: 65532, ignored: zeros(0) }));
    const names: string[] = [];
    for await (const batch of stream.received) {
      for (const raw of batch) names.push(decodeMessage(raw).name);
      if (names.includes('pong')) break;
    }
    expect(names.filter((name) => name === 'pong')).toHaveLength(1);
    expect(node.ready).toHaveLength(1);
  });

  test('when its messages arrive byte by byte', async () => {
    const node = await start(1);
    const connection = await tcpTransport().dial(at(node), new AbortController().signal);
    const slow = {
      ...connection,
      send: async (bytes: Uint8Array) => {
        for (const byte of bytes) {
          await connection.send(Uint8Array.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
    const local = secretKey(new Uint8Array(32).fill(9));
    const stream = await initiate({
      connection: slow,
      local,
      remote: node.id,
      entropy: systemEntropy,
      clock: systemClock,
    });
    stream.send(init());
    await eventually(() => node.ready.length === 1);
  });
});

describe('a peer that was silent for half a minute', () => {
  /** A node with such a peer, and the peer's end of the connection. */
  const quiet = async () => {
    const clock = hurriedClock();
    const node = await start(1, { clock });
    const stream = await dialled(node);
    stream.send(init());
    const peer = await eventually(() => node.ready[0]);
    expect(peer.heardRecently).toBe(true);
    clock.hurry(31);
    expect(peer.heardRecently).toBe(false);
    return { clock, node, stream, peer };
  };

  test('is pinged once, and each caller is told once when it sends anything', async () => {
    const { stream, peer } = await quiet();
    let told = 0;
    for (const name of ['a', 'b', 'a']) peer.pingThen(name, () => told++);
    const heard: string[] = [];
    for await (const batch of stream.received) {
      heard.push(...batch.map((raw) => decodeMessage(raw).name));
      if (heard.includes('ping')) break;
    }
    expect(told).toBe(0);
    stream.send(encodeMessage({ name: 'pong', ignored: zeros(16) }));
    await eventually(() => told === 2);
    expect(heard.filter((name) => name === 'ping')).toHaveLength(1);
    expect(peer.heardRecently).toBe(true);
  });

  test('and does not answer the ping is disconnected, and no caller is told', async () => {
    const { clock, node, peer } = await quiet();
    let told = 0;
    peer.pingThen('a', () => told++);
    clock.hurry(31);
    expect(node.ended).toEqual(['the peer did not answer a ping']);
    expect(told).toBe(0);
  });
});
