/** BOLT 8, appendix A: messages under rotating keys; and streams cut anywhere, or tampered with. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, hex, text, unhex, utf8, zeros } from '../../wire/bytes.ts';
import {
  CipherError,
  type CipherState,
  Decryptor,
  encryptMessage,
  encryptMessages,
  LENGTH_BYTES,
  TAG_BYTES,
} from '../../wire/cipher.ts';
import { WireError } from '../../wire/codec.ts';
import transport from '../vectors/bolt08-transport.json' with { type: 'json' };

const vector = transport.vectors.find(({ name }) => name === 'transport-message test') as unknown as {
  readonly params: { readonly ck: string; readonly sk: string };
  readonly steps: readonly { readonly message_index: number; readonly ciphertext: string }[];
};
const start: CipherState = { key: unhex(vector.params.sk), chainingKey: unhex(vector.params.ck), nonce: 0 };

describe('messages after the handshake', () => {
  const hello = utf8('hello');
  const frames: string[] = [];
  let cipher = start;
  for (let i = 0; i <= 1001; i++) {
    const [frame, next] = encryptMessage(cipher, hello);
    frames.push(hex(frame));
    cipher = next;
  }
  for (const { message_index, ciphertext } of vector.steps)
    test(`message ${message_index} after the handshake is encrypted as published`, () => {
      expect(frames[message_index]).toBe(ciphertext);
    });
  test('messages after the handshake are decrypted across key rotations', () => {
    const decryptor = new Decryptor(start);
    const read = frames.flatMap((frame) => decryptor.push(unhex(frame)));
    expect(read.map(hex)).toEqual(Array(1002).fill(hex(hello)));
  });
  test('many messages encrypted at once have the same bytes as one by one', () => {
    const [bytes, next] = encryptMessages(start, Array(1002).fill(hello));
    expect(hex(bytes)).toBe(frames.join(''));
    expect(next).toEqual(cipher);
  });
});

describe('a stream', () => {
  const lists = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
  test('an encrypted stream yields its messages, however it is cut into chunks', () => {
    fc.assert(
      fc.property(lists, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (messages, sizes) => {
        const [bytes] = encryptMessages(start, messages);
        const decryptor = new Decryptor(start);
        const read: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          read.push(...decryptor.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(read).toEqual(messages);
      }),
    );
  });
  test('an encrypted stream ends at the first changed bit, for good', () => {
    fc.assert(
      fc.property(fc.nat(), (place) => {
        const [bytes] = encryptMessages(start, [utf8('first'), utf8('second')]);
        const at = place % bytes.length;
        const changed = bytes.with(at, (bytes[at] ?? 0) ^ 1);
        const decryptor = new Decryptor(start);
        const read = decryptor.push(changed).map((message) => text(message));
        expect(['first', 'second'].slice(0, read.length)).toEqual(read);
        expect(read.length).toBeLessThan(2);
        expect(decryptor.failure).toBeInstanceOf(CipherError);
        expect(() => decryptor.push(bytes)).toThrow(CipherError);
      }),
    );
  });
  test('an encrypted stream says whether a length or a message was changed', () => {
    const [bytes] = encryptMessage(start, utf8('hello'));
    const read = (at: number) => {
      const decryptor = new Decryptor(start);
      expect(decryptor.push(bytes.with(at, (bytes[at] ?? 0) ^ 1))).toEqual([]);
      return decryptor.failure;
    };
    expect(read(0)?.part).toBe('length');
    expect(read(LENGTH_BYTES)?.part).toBe('message');
  });
  test('an encrypted stream yields the messages before a forged one in the same chunk', () => {
    const [bytes] = encryptMessages(start, [utf8('first'), utf8('second')]);
    const decryptor = new Decryptor(start);
    expect(decryptor.push(bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1))).toEqual([utf8('first')]);
    expect(decryptor.failure?.part).toBe('message');
  });
  test('an encrypted stream carries messages of 0 to 65535 bytes', () => {
    const messages = [zeros(65535), zeros(0)];
    const [bytes] = encryptMessages(start, messages);
    expect(bytes.length).toBe(2 * (LENGTH_BYTES + TAG_BYTES) + 65535);
    expect(new Decryptor(start).push(bytes)).toEqual(messages);
    expect(() => encryptMessage(start, zeros(65536))).toThrow(WireError);
  });
  test('an encrypted stream neither changes nor keeps the chunks that it is given', () => {
    const [bytes] = encryptMessage(start, utf8('hello'));
    const decryptor = new Decryptor(start);
    const chunk = bytes.slice(0, 20);
    decryptor.push(chunk);
    expect(chunk).toEqual(bytes.slice(0, 20));
    chunk.fill(0);
    expect(decryptor.push(bytes.slice(20))).toEqual([utf8('hello')]);
    expect(decryptor.push(concat())).toEqual([]);
  });
});
