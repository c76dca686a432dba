/**
 * Every transaction that bitcoind takes into its mempool, as it comes, from its ZeroMQ notifications (`zmqpubrawtx`). Whether and
 * where there are any bitcoind itself says. They are a help and no more: whatever is missed is looked for all the same.
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
/** Milliseconds until they are asked for again, where there are none or they ended. */
const AGAIN_MS = 30_000;

const answer = z.array(z.object({ type: z.string(), address: z.string() }));

export interface RawTxParts {
  readonly rpc: Pick<Rpc, 'call'>;
  /** Where bitcoind answers: notifications of one that listens everywhere are taken there. */
  readonly host: string;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
}

/** Where an address of bitcoind's is reached from here; undefined for one that cannot be. */
export const endpointOf = (address: string, host: string): NetConnectOpts | undefined => {
  const path = /^ipc:\/\/(\/.*)$/.exec(address)?.[1];
  if (path !== undefined) return { path };
  const [, name = '', port] = /^tcp:\/\/\[?([^\]]*?)\]?:(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined) return undefined;
  const everywhere = name === '*' || name === '0.0.0.0' || name === '::' || name === '';
  return { host: everywhere ? host : name, port: Number(port) };
};

/** Hears one publisher until the socket ends. */
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

/** Hears them from now on, and again after a break, until the function returned is called. */
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
