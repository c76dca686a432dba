/**
 * One connection of somebody who means no good: BOLT 8's handshake and cipher with no peer behind them, so that what the node
 * says can be left unread, and what it is told need make no sense.
 */
import { connect, type Socket } from 'node:net';
import { systemEntropy } from '../../node/base/entropy.ts';
import { zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { type CipherState, Decryptor, encryptMessages } from '../../wire/cipher.ts';
import { isSecretKey, sha256 } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { encodeMessage } from '../../wire/message.ts';
import { ACT_BYTES, answerActTwo, sendActOne } from '../../wire/noise.ts';
import { type Point, type SecretKey, secretKey } from '../../wire/units.ts';

/** Where a node is to be found. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What becomes of what the node says: never taken from the socket, taken and thrown away, or looked at. */
export type Hearing = 'unread' | 'thrown away' | ((message: Uint8Array) => void);

export interface Line {
  readonly closed: boolean;
  /** Resolves when the connection is gone. */
  readonly ended: Promise<void>;
  /** Says messages; resolves once the system has taken them, at once where the connection is gone. */
  say(messages: readonly Uint8Array[]): Promise<void>;
  end(): void;
}

/** A key that follows from words. */
export const keyOf = (words: string): SecretKey => {
  let key = sha256(new TextEncoder().encode(words));
  while (!isSecretKey(key)) key = sha256(key);
  return secretKey(key);
};

/** Bytes to a socket; resolves once there is room for more, at once where it is gone. */
export const write = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed || !socket.writable || socket.write(bytes)) {
      // Not in this turn: whoever writes without end must hear that the connection has ended.
      setImmediate(resolve);
      return;
    }
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });

/** A connection on which nothing was said; undefined where there is none to be had. `from` is an address of this machine. */
export const openSocket = ({ host, port }: Place, from?: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true, ...(from !== undefined && { localAddress: from }) });
    socket.on('error', () => socket.destroy());
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(undefined));
  });

/** The first act of a handshake with this node: whoever says only this is owed the second. */
export const actOne = (node: Point, key: SecretKey): Uint8Array => sendActOne(key, node, freshKey())[0];

const freshKey = (): SecretKey => {
  for (;;) {
    const key = systemEntropy.bytes(32);
    if (isSecretKey(key)) return secretKey(key);
  }
};

const exactly = (socket: Socket, count: number): Promise<Uint8Array | undefined> =>
  new Promise((resolve) => {
    const look = (): void => {
      const read = socket.read(count) as Uint8Array | null;
      if (read === null && !socket.destroyed) return;
      socket.off('readable', look);
      socket.off('close', look);
      resolve(read === null || read.length < count ? undefined : new Uint8Array(read));
    };
    socket.on('readable', look);
    socket.on('close', look);
    look();
  });

export interface Dialled extends Place {
  readonly id: Point;
}

/** The `init` of a node like ours. */
export const ourInit = (): Uint8Array =>
  encodeMessage({
    name: 'init',
    globalfeatures: zeros(0),
    features: ourFeatures('I'),
    networks: [chainHashOf.regtest],
  });

/** Connects and shakes hands; undefined where the node does not let it. Nothing is said, not even `init`. */
export const dial = async (
  node: Dialled,
  key: SecretKey,
  hearing: Hearing,
  from?: string,
): Promise<Line | undefined> => {
  const socket = await openSocket(node, from);
  if (socket === undefined) return undefined;
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const [one, sent] = sendActOne(key, node.id, freshKey());
  await write(socket, one);
  const two = await exactly(socket, ACT_BYTES.two);
  if (two === undefined) return undefined;
  const [three, session] = answerActTwo(sent, two);
  await write(socket, three);
  hear(socket, hearing, session.receive);

  let cipher: CipherState = session.send;
  return {
    get closed() {
      return socket.destroyed;
    },
    ended,
    say: (messages) => {
      const [frames, next] = encryptMessages(cipher, messages);
      cipher = next;
      return write(socket, frames);
    },
    end: () => socket.destroy(),
  };
};

const hear = (socket: Socket, hearing: Hearing, cipher: CipherState): void => {
  if (hearing === 'unread') {
    socket.pause();
    return;
  }
  if (hearing === 'thrown away') {
    socket.on('data', () => undefined).resume();
    return;
  }
  const decryptor = new Decryptor(cipher);
  socket.on('data', (chunk: Uint8Array) => {
    if (decryptor.failure === undefined) for (const message of decryptor.push(chunk)) hearing(message);
  });
  socket.resume();
};

/** As `dial`, with `init` said. */
export const meet = async (
  node: Dialled,
  key: SecretKey,
  hearing: Hearing,
  from?: string,
): Promise<Line | undefined> => {
  const line = await dial(node, key, hearing, from);
  await line?.say([ourInit()]);
  return line;
};
