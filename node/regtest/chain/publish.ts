/**
 * ZeroMQ notifications as bitcoind publishes them (`-zmqpubrawblock` and its like): the topic, the bytes, and how many came before on that
 * topic. A subscriber that does not read loses notifications, as bitcoind's do.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Transaction } from 'bitcoinjs-lib';
import { reversed, text, unhex, utf8 } from '../../../wire/bytes.ts';
import { greeting, message, readyToPublish, ZmtpReader } from '../../chain/zmtp.ts';
import { readTransaction } from './block.ts';
import type { Switch } from './ledger.ts';
import type { Regtest } from './regtest.ts';
import type { Published } from './rpcparams.ts';

/** What can be published. */
export const topics = ['rawblock', 'rawtx', 'hashblock', 'hashtx'] as const;
export type Topic = (typeof topics)[number];

/** Where to publish a topic. */
export interface Publication {
  readonly topic: Topic;
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
}

export interface Publishing {
  /** As getzmqnotifications has them. */
  readonly published: readonly Published[];
  close(): Promise<void>;
}

/** A publication cannot be made at its address. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly fault: { readonly code: 'cannot_publish'; readonly where: string };
  constructor(where: string, reason: string) {
    super(`cannot publish at tcp://${where}: ${reason}`);
    this.fault = { code: 'cannot_publish', where };
  }
}

/** Bytes that may wait for one subscriber; further notifications are lost to it until it has read some. */
const mostWaiting = 32 * 1024 * 1024;
/** Most subscribers at one address, most topics that one may ask for, and the longest frame of a subscriber. */
const mostSubscribers = 64;
const mostTopics = 64;
const longestFrame = 1_024;
/** Notifications that bitcoind says it keeps for a subscriber. */
const highWaterMark = 1_000;

/** An address that subscribers connect to. */
class Endpoint {
  readonly server: Server;
  private readonly subscribers = new Map<Socket, Set<string>>();

  constructor() {
    this.server = createServer((socket) => this.meet(socket));
    this.server.maxConnections = mostSubscribers;
  }

  private meet(socket: Socket): void {
    const wanted = new Set<string>();
    const reader = new ZmtpReader(longestFrame);
    this.subscribers.set(socket, wanted);
    socket.setNoDelay(true);
    socket.write(greeting);
    socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const item of reader.take(Uint8Array.from(chunk)))
          if (item.heard === 'greeting') socket.write(readyToPublish);
          else if (item.heard === 'message') this.ask(wanted, item.parts[0]);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.subscribers.delete(socket));
  }

  /** A subscription, 1 and how a topic begins, or its end, 0 and the same. */
  private ask(wanted: Set<string>, [kind, ...prefix]: Uint8Array = new Uint8Array()): void {
    const topic = text(Uint8Array.from(prefix));
    if (kind === 0) wanted.delete(topic);
    else if (kind === 1 && wanted.size < mostTopics) wanted.add(topic);
  }

  say(topic: Topic, bytes: Uint8Array): void {
    for (const [socket, wanted] of this.subscribers)
      if (socket.writableLength < mostWaiting && [...wanted].some((prefix) => topic.startsWith(prefix)))
        socket.write(bytes);
  }

  close(): Promise<void> {
    for (const socket of this.subscribers.keys()) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const listen = ({ server }: Endpoint, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new PublishError(`${host}:${port}`, error.code ?? error.message));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });

const u32le = (n: number): Uint8Array => Uint8Array.of(n, n >>> 8, n >>> 16, n >>> 24);

/** Publishes until it is closed. Topics with one address share it. Throws PublishError. */
export const publish = async (regtest: Regtest, wanted: readonly Publication[]): Promise<Publishing> => {
  const endpoints = new Map<string, { readonly endpoint: Endpoint; readonly port: number }>();
  const closeAll = async (): Promise<void> => {
    for (const { endpoint } of endpoints.values()) await endpoint.close();
  };
  const places: { readonly topic: Topic; readonly endpoint: Endpoint; readonly address: string; count: number }[] = [];
  for (const { topic, host, port } of wanted) {
    const where = `${host}:${port}`;
    try {
      const endpoint = endpoints.get(where)?.endpoint ?? new Endpoint();
      const bound = endpoints.get(where)?.port ?? (await listen(endpoint, host, port));
      endpoints.set(where, { endpoint, port: bound });
      places.push({ topic, endpoint, address: `tcp://${host}:${bound}`, count: 0 });
    } catch (error) {
      await closeAll();
      throw error;
    }
  }

  const say = (topic: Topic, body: Uint8Array): void => {
    for (const place of places)
      if (place.topic === topic) place.endpoint.say(topic, message(utf8(topic), body, u32le(place.count++)));
  };
  const sayTransaction = (tx: Transaction): void => {
    say('hashtx', reversed(tx.getHash()));
    say('rawtx', new Uint8Array(tx.toBuffer()));
  };
  /** bitcoind says every transaction that a block brings in or takes out, and of all blocks only the new tip. */
  const sayBlocks = ({ left, came }: Switch): void => {
    for (const { transactions } of [...left, ...came]) for (const { tx } of transactions) sayTransaction(tx);
    const tip = came.at(-1);
    if (tip === undefined) return;
    say('hashblock', unhex(tip.hash));
    say('rawblock', new Uint8Array(tip.raw.toBuffer()));
  };
  const deaf = [regtest.onSwitch(sayBlocks), regtest.onArrival((tx) => sayTransaction(readTransaction(tx)))];
  return {
    published: places.map(({ topic, address }) => ({ type: `pub${topic}`, address, hwm: highWaterMark })),
    close: async () => {
      for (const end of deaf) end();
      await closeAll();
    },
  };
};
