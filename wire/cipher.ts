/**
 * BOLT 8, "Lightning Message Specification" and "Key Rotation": messages after the handshake. Each travels as an encrypted
 * length (18 bytes) and an encrypted body (16 bytes longer than the message); each direction has a cipher of its own.
 */
import { join, u16be } from './bytes.ts';
import { WireError } from './codec.ts';
import { hmacSha256, open, seal } from './crypto.ts';
import { MAX_MESSAGE_BYTES } from './message.ts';

/** One direction of a session. `nonce` counts the uses of `key`. */
export interface CipherState {
  readonly key: Uint8Array;
  readonly chainingKey: Uint8Array;
  readonly nonce: number;
}

export const TAG_BYTES = 16;
export const LENGTH_BYTES = 2 + TAG_BYTES;
/** Uses of one key: two a message. */
const ROTATE_AT = 1000;
const EMPTY = new Uint8Array(0);

/** RFC 5869 with empty info, as BOLT 8 uses it: two keys of 32 bytes. */
export const hkdf = (salt: Uint8Array, material: Uint8Array): readonly [Uint8Array, Uint8Array] => {
  const secret = hmacSha256(salt, material);
  const first = hmacSha256(secret, Uint8Array.of(1));
  return [first, hmacSha256(secret, first, Uint8Array.of(2))];
};

/** 32 zero bits, then the count as a little-endian u64 (the Noise convention). */
export const nonceOf = (count: number): Uint8Array => {
  const out = new Uint8Array(12);
  new DataView(out.buffer).setUint32(4, count, true);
  return out;
};

/** The state after one use of the key: at 1000 the key is replaced, so that a later leak does not open what was sent before. */
const afterUse = ({ key, chainingKey, nonce }: CipherState): CipherState => {
  if (nonce + 1 < ROTATE_AT) return { key, chainingKey, nonce: nonce + 1 };
  const [nextChaining, nextKey] = hkdf(chainingKey, key);
  return { key: nextKey, chainingKey: nextChaining, nonce: 0 };
};

/** The frames of messages, one after the other, ready for one write. Throws WireError `too_long` beyond 65535 bytes a message. */
export const encryptMessages = (
  state: CipherState,
  messages: readonly Uint8Array[],
): readonly [frames: Uint8Array, next: CipherState] => {
  const parts: Uint8Array[] = [];
  let cipher = state;
  for (const message of messages) {
    if (message.length > MAX_MESSAGE_BYTES)
      throw new WireError({ code: 'too_long', limit: MAX_MESSAGE_BYTES, length: message.length });
    for (const plain of [u16be(message.length), message]) {
      parts.push(seal(cipher.key, nonceOf(cipher.nonce), EMPTY, plain));
      cipher = afterUse(cipher);
    }
  }
  return [join(parts), cipher];
};

/** The frame of one message. Throws WireError `too_long` beyond 65535 bytes. */
export const encryptMessage = (
  state: CipherState,
  message: Uint8Array,
): readonly [frame: Uint8Array, next: CipherState] => encryptMessages(state, [message]);

/** A frame with an invalid authentication tag: forged or corrupted. The connection has to be closed. */
export class CipherError extends Error {
  override readonly name = 'CipherError';
  readonly part: 'length' | 'message';
  constructor(part: 'length' | 'message') {
    super(`the authentication tag of a ${part} does not fit: the stream is corrupt or not the peer's`);
    this.part = part;
  }
}

/**
 * Turns chunks of a stream, cut anywhere, into messages. Holds at most one frame (65551 bytes) and copies each byte once,
 * however small the chunks are.
 */
export class Decryptor {
  private cipher: CipherState;
  private part: 'length' | 'message' = 'length';
  private frame: Uint8Array = new Uint8Array(LENGTH_BYTES);
  private filled = 0;
  private broken: CipherError | undefined;

  constructor(cipher: CipherState) {
    this.cipher = cipher;
  }

  /** The error that ended the stream, once a tag was invalid. */
  get failure(): CipherError | undefined {
    return this.broken;
  }

  /**
   * The messages that a chunk completes. An invalid tag ends the stream: the messages before it are returned, and `failure` is set.
   * Every later call throws that CipherError.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.broken !== undefined) throw this.broken;
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length) {
      const taken = chunk.subarray(at, at + this.frame.length - this.filled);
      this.frame.set(taken, this.filled);
      this.filled += taken.length;
      at += taken.length;
      if (this.filled < this.frame.length) break;
      const plain = this.unseal();
      if (plain === undefined) break;
      if (this.part === 'message') messages.push(plain);
      this.part = this.part === 'length' ? 'message' : 'length';
      this.filled = 0;
      this.frame = new Uint8Array(
        this.part === 'length' ? LENGTH_BYTES : ((plain[0] ?? 0) << 8) + (plain[1] ?? 0) + TAG_BYTES,
      );
    }
    return messages;
  }

  private unseal(): Uint8Array | undefined {
    const plain = open(this.cipher.key, nonceOf(this.cipher.nonce), EMPTY, this.frame);
    if (plain === undefined) this.broken = new CipherError(this.part);
    else this.cipher = afterUse(this.cipher);
    return plain;
  }
}
