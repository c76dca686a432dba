/** BOLT 8, appendix A: the handshake of both roles, and every act that must end it. */
import { describe, expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { pointOf } from '../../wire/crypto.ts';
import {
  ACT_BYTES,
  answerActOne,
  answerActTwo,
  HandshakeError,
  readActThree,
  type Session,
  sendActOne,
} from '../../wire/noise.ts';
import { point, secretKey } from '../../wire/units.ts';
import transport from '../vectors/bolt08-transport.json' with { type: 'json' };

/** The error names of the vector file as ours. */
const reasons: Record<string, Partial<HandshakeError>> = {
  ACT1_READ_FAILED: { act: 'one', reason: 'bad_length' },
  ACT1_BAD_VERSION: { act: 'one', reason: 'bad_version' },
  ACT1_BAD_PUBKEY: { act: 'one', reason: 'bad_key' },
  ACT1_BAD_TAG: { act: 'one', reason: 'bad_tag' },
  ACT2_READ_FAILED: { act: 'two', reason: 'bad_length' },
  'ACT2_BAD_VERSION 1': { act: 'two', reason: 'bad_version' },
  ACT2_BAD_PUBKEY: { act: 'two', reason: 'bad_key' },
  ACT2_BAD_TAG: { act: 'two', reason: 'bad_tag' },
  ACT3_READ_FAILED: { act: 'three', reason: 'bad_length' },
  'ACT3_BAD_VERSION 1': { act: 'three', reason: 'bad_version' },
  ACT3_BAD_CIPHERTEXT: { act: 'three', reason: 'bad_ciphertext' },
  ACT3_BAD_PUBKEY: { act: 'three', reason: 'bad_key' },
  ACT3_BAD_TAG: { act: 'three', reason: 'bad_tag' },
};

interface Vector {
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly dir: string; readonly act: string; readonly hex: string }[];
  readonly result?: { readonly sk: string; readonly rk: string };
  readonly expect_error?: string;
}
const vectors = (transport.vectors as unknown as readonly Vector[]).filter(({ name }) => !name.includes('message'));

const packetOf = (vector: Vector, act: string): Uint8Array => {
  const step = vector.steps.find((one) => one.act === act);
  if (step === undefined) throw new Error(`${vector.name} has no ${act}`);
  return unhex(step.hex);
};
const key = (vector: Vector, name: string): string => {
  const value = vector.params[name];
  if (value === undefined) throw new Error(`${vector.name} has no ${name}`);
  return value;
};

/** Plays one role of a vector; what it sends must be what the vector says. */
const play = (vector: Vector): Session => {
  const local = secretKey(unhex(key(vector, 'ls.priv')));
  const ephemeral = secretKey(unhex(key(vector, 'e.priv')));
  expect(hex(pointOf(local))).toBe(key(vector, 'ls.pub'));
  if (vector.name.includes('initiator')) {
    const [one, sent] = sendActOne(local, point(unhex(key(vector, 'rs.pub'))), ephemeral);
    expect(hex(one)).toBe(hex(packetOf(vector, 'Act One')));
    const [three, session] = answerActTwo(sent, packetOf(vector, 'Act Two'));
    expect(hex(three)).toBe(hex(packetOf(vector, 'Act Three')));
    return session;
  }
  const [two, sent] = answerActOne(local, packetOf(vector, 'Act One'), ephemeral);
  expect(hex(two)).toBe(hex(packetOf(vector, 'Act Two')));
  return readActThree(sent, packetOf(vector, 'Act Three'));
};
const failureOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
};

describe('handshake', () => {
  for (const vector of vectors)
    test(vector.name, () => {
      if (vector.expect_error !== undefined) {
        const failure = failureOf(() => play(vector));
        expect(failure).toBeInstanceOf(HandshakeError);
        expect(failure).toMatchObject(reasons[vector.expect_error] ?? {});
        expect(reasons).toHaveProperty([vector.expect_error]);
        return;
      }
      const { send, receive } = play(vector);
      expect([hex(send.key), hex(receive.key)]).toEqual([vector.result?.sk, vector.result?.rk]);
      expect(hex(send.chainingKey)).toBe('919219dbb2920afa8db80f9a51787a840bcf111ed8d588caf9ab4be716e42b01');
    });
  test('the vectors of the handshake have every way to fail', () => {
    expect(new Set(vectors.flatMap((vector) => vector.expect_error ?? []))).toEqual(new Set(Object.keys(reasons)));
  });

  const secret = (fill: number) => secretKey(new Uint8Array(32).fill(fill));
  test('after a handshake both ends know each other’s key and have matching ciphers', () => {
    const [one, initiator] = sendActOne(secret(1), pointOf(secret(2)), secret(3));
    const [two, responder] = answerActOne(secret(2), one, secret(4));
    const [three, near] = answerActTwo(initiator, two);
    const far = readActThree(responder, three);
    expect([one.length, two.length, three.length]).toEqual([ACT_BYTES.one, ACT_BYTES.two, ACT_BYTES.three]);
    expect(near.remote).toEqual(pointOf(secret(2)));
    expect(far.remote).toEqual(pointOf(secret(1)));
    expect([far.send, far.receive]).toEqual([near.receive, near.send]);
  });
  test('an act that is too long is refused', () => {
    const [one] = sendActOne(secret(1), pointOf(secret(2)), secret(3));
    const longer = new Uint8Array([...one, 0]);
    expect(failureOf(() => answerActOne(secret(2), longer, secret(4)))).toMatchObject({ reason: 'bad_length' });
  });
  test('act one for another static key is refused', () => {
    const [one] = sendActOne(secret(1), pointOf(secret(9)), secret(3));
    expect(failureOf(() => answerActOne(secret(2), one, secret(4)))).toMatchObject({ act: 'one', reason: 'bad_tag' });
  });
});
