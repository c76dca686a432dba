/** Peers on loopback TCP for tests: a whole node's connections without the node. */
import { systemClock, systemEntropy } from '../../node/base/entropy.ts';
import type { PeerLimits } from '../../node/peer/limits.ts';
import type { Peer, PeerHandlers } from '../../node/peer/peer.ts';
import { Peers } from '../../node/peer/peers.ts';
import { tcpTransport } from '../../node/peer/tcp.ts';
import type { Clock, Log } from '../../node/ports/ports.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import type { Message } from '../../wire/message.ts';
import { type ChainHash, type Point, type SecretKey, secretKey } from '../../wire/units.ts';

/** A log that keeps what it is told. */
export const memoryLog = (lines: string[] = []): Log & { readonly lines: string[] } => {
  const take = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`);
  };
  return {
    lines,
    trace: take,
    isTracing: () => false,
    debug: take,
    info: take,
    warn: take,
    error: take,
    child: () => memoryLog(lines),
  };
};

export interface TestPeers {
  readonly id: Point;
  readonly key: SecretKey;
  readonly peers: Peers;
  readonly port: number;
  readonly log: string[];
  readonly received: Message[];
  readonly ended: string[];
  readonly ready: Peer[];
}

/** Resolves once `check` gives something; rejects after ten seconds. */
export const eventually = async <T>(check: () => T | undefined | false): Promise<T> => {
  for (let i = 0; i < 1000; i++) {
    const found = check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not happen');
};

/** A listening set of peers with a key of `n` repeated. */
export const testPeers = async (
  n: number,
  options: {
    readonly features?: Uint8Array;
    readonly chainHash?: ChainHash;
    readonly handlers?: Partial<PeerHandlers>;
    readonly clock?: Clock;
    readonly limits?: Partial<PeerLimits>;
    readonly limitLoopback?: boolean;
    readonly channels?: (id: Point) => number;
  } = {},
): Promise<TestPeers> => {
  const key = secretKey(new Uint8Array(32).fill(n));
  const received: Message[] = [];
  const ended: string[] = [];
  const ready: Peer[] = [];
  const log = memoryLog();
  const peers = new Peers({
    key,
    features: options.features ?? ourFeatures('I'),
    chainHash: options.chainHash ?? chainHashOf.regtest,
    transport: tcpTransport(),
    clock: options.clock ?? systemClock,
    limits: options.limits,
    limitLoopback: options.limitLoopback,
    channels: options.channels,
    entropy: systemEntropy,
    log,
    handlers: {
      ready: (peer) => ready.push(peer),
      message: (_, message) => {
        received.push(message);
        return undefined;
      },
      closed: (_, why) => ended.push(why),
      ...options.handlers,
    },
  });
  const { address } = await peers.listen({ host: '127.0.0.1', port: 0 });
  return { id: pointOf(key), key, peers, port: address.port, log: log.lines, received, ended, ready };
};
