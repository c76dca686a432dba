/**
 * Transactions as bitcoind accepts them into its mempool, from its ZeroMQ notifications (`zmqpubrawtx`). bitcoind is asked whether and
 * where it publishes them (getzmqnotifications). They only save time: the mempool is polled anyway.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { z } from 'zod';
import { text } from '../../wire/bytes.ts';
import type { Clock, Log } from '../ports/ports.ts';
import type { Rpc } from './rpc.ts';
import { greeting, ready, subscription, ZmtpReader } from './zmtp.ts';

/** What bitcoind calls the notifications of raw transactions, and their topic. */
const KIND = 'pubrawtx';
const TOPIC = 'rawtx';
/** Milliseconds until bitcoind is asked again, where it publishes none or the connection ended. */
const AGAIN_MS = 30_000;

const answer = z.array(z.object({ type: z.string(), address: z.string() }));

export interface RawTxParts {
  readonly rpc: Pick<Rpc, 'call'>;
  /** Host of bitcoind's RPC server, used where its ZeroMQ address is a wildcard. */
  readonly host: string;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
}

/** How to connect to a ZeroMQ address of bitcoind; undefined for an address that cannot be reached from here. */
export const endpointOf = (address: string, host: string): NetConnectOpts | undefined => {
  const path = /^ipc:\/\/(\/.*)$/.exec(address)?.[1];
  if (path !== undefined) return { path };
  const [, name = '', port] = /^tcp:\/\/\[?([^\]]*?)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined) return undefined;
  const everywhere = name === '*' || name === '0.0.0.0' || name === '::' || name === '';
  return { host: everywhere ? host : name, port: Number(port) };
};

/** Reads from one publisher until the socket ends. */
const readSocket = (socket: Socket, hear: (tx: Uint8Array) => void, begun: () => void): Promise<void> =>
  new Promise((resolve) => {
    const reader = new ZmtpReader();
    socket.on('connect', () => socket.write(greeting));
    socket.on('data', (chunk: Uint8Array) => {
      try {
        for (const one of reader.take(Uint8Array.from(chunk)))
          switch (one.heard) {
            case 'greeting':
              socket.write(ready);
              break;
            case 'ready':
              socket.write(subscription(TOPIC));
              begun();
              break;
            case 'message': {
              const [topic, tx] = one.parts;
              if (topic !== undefined && tx !== undefined && text(topic) === TOPIC) hear(tx);
            }
          }
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve());
  });

/** Subscribes, and again when the connection ends, until the function returned is called. */
export const subscribeRawTx = ({ rpc, host, clock, log }: RawTxParts, hear: (tx: Uint8Array) => void): (() => void) => {
  let ended = false;
  let socket: Socket | undefined;
  let cancel = (): void => undefined;
  let said: string | undefined;
  const say = (what: string): void => {
    if (what !== said && !ended) log.info({}, what);
    said = what;
  };
  const once = async (): Promise<void> => {
    const published = await rpc.call('getzmqnotifications', [], answer).catch(() => undefined);
    const address = published?.find(({ type }) => type === KIND)?.address;
    const endpoint = address === undefined ? undefined : endpointOf(address, host);
    if (ended) return;
    if (endpoint === undefined) {
      if (published !== undefined)
        say(
          'bitcoind does not publish raw transactions over ZeroMQ, so the mempool is polled every second; set zmqpubrawtx=tcp://127.0.0.1:28332 in bitcoin.conf to see each transaction at once',
        );
      return;
    }
    socket = connect(endpoint);
    socket.setKeepAlive(true, 60_000);
    socket.unref();
    await readSocket(socket, hear, () => say('receiving raw transactions from bitcoind over ZeroMQ'));
  };
  const again = (): void => {
    once()
      .catch(() => undefined)
      .finally(() => {
        if (!ended) cancel = clock.after(AGAIN_MS, again);
      });
  };
  again();
  return () => {
    ended = true;
    cancel();
    socket?.destroy();
  };
};
