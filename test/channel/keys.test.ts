/** Appendices D and E of BOLT 3, and what the key derivation promises beyond them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  basepointsOf,
  channelSecrets,
  commitmentKeys,
  derivePoint,
  deriveSecret,
  revocationPoint,
  revocationSecret,
} from '../../channel/tx/keys.ts';
import {
  insertSecret,
  perCommitmentPoint,
  perCommitmentSecret,
  receivedCount,
  receivedSecret,
  SecretError,
  type SecretStore,
  secretAtIndex,
  secretStoreCodec,
} from '../../channel/tx/secrets.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { decode, encode, WireError } from '../../wire/codec.ts';
import { pointOf } from '../../wire/crypto.ts';
import { point, secretKey } from '../../wire/units.ts';
import { vectorsOf } from './appendix.ts';

interface AppendixD {
  readonly vectors: {
    readonly generation: readonly { name: string; seed: string; I: string; output: string }[];
    readonly storage: readonly {
      readonly name: string;
      readonly inserts: readonly { readonly I: string; readonly secret: string; readonly output: 'OK' | 'ERROR' }[];
    }[];
  };
}
interface AppendixE {
  readonly inputs: Readonly<
    Record<'base_secret' | 'per_commitment_secret' | 'base_point' | 'per_commitment_point', string>
  >;
  readonly vectors: readonly { readonly name: string; readonly output_field: string; readonly output: string }[];
}

const LAST = 2 ** 48 - 1;
const seedOf = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** The store after the first `count` secrets of a seed. */
const received = (seed: Uint8Array, count: number): SecretStore => {
  let known: SecretStore = [];
  for (let n = 0; n < count; n++) known = insertSecret(known, n, perCommitmentSecret(seed, n));
  return known;
};

describe('appendix D: per-commitment secrets', () => {
  const { generation, storage } = vectorsOf<AppendixD>('bolt03-appendix-d-per-commitment-secrets').vectors;

  test.each(generation)('$name', ({ seed, I, output }) => {
    expect(hex(secretAtIndex(unhex(seed), Number(I)))).toBe(output);
    expect(hex(perCommitmentSecret(unhex(seed), LAST - Number(I)))).toBe(output);
  });

  test.each(storage)('$name', ({ inserts }) => {
    let known: SecretStore = [];
    for (const { I, secret, output } of inserts) {
      const insert = () => insertSecret(known, LAST - Number(I), secretKey(unhex(secret)));
      if (output === 'ERROR') expect(insert).toThrow(SecretError);
      else known = insert();
    }
    for (const { I, secret } of inserts.filter(({ output }) => output === 'OK'))
      expect(hex(receivedSecret(known, LAST - Number(I)))).toBe(secret);
  });
});

describe('received secrets', () => {
  test('every secret received comes back from a store of logarithmic size, which survives its encoding', () => {
    fc.assert(
      fc.property(seedOf, fc.integer({ min: 1, max: 300 }), (seed, count) => {
        const known = decode(secretStoreCodec, encode(secretStoreCodec, received(seed, count)));
        expect(known.length).toBeLessThanOrEqual(Math.floor(Math.log2(count)) + 1);
        expect(receivedCount(known)).toBe(count);
        for (let n = 0; n < count; n++) expect(hex(receivedSecret(known, n))).toBe(hex(perCommitmentSecret(seed, n)));
      }),
      { numRuns: 15 },
    );
  });

  test('an insertion changes one entry and keeps the others as they are', () => {
    const seed = new Uint8Array(32).fill(7);
    for (let count = 1; count < 40; count++) {
      const before = received(seed, count);
      const after = insertSecret(before, count, perCommitmentSecret(seed, count));
      expect(after.filter((entry, place) => entry !== before[place])).toHaveLength(1);
    }
  });

  test('a secret that is skipped, repeated or not yet received is refused with its commitment number', () => {
    const seed = new Uint8Array(32).fill(9);
    const known = received(seed, 5);
    const faultOf = (act: () => unknown) => {
      try {
        act();
      } catch (error) {
        if (error instanceof SecretError) return error.fault;
      }
      return undefined;
    };
    const outOfOrder = (got: number) => ({ code: 'secret_out_of_order', expected: 5, got });
    expect(faultOf(() => insertSecret(known, 6, perCommitmentSecret(seed, 6)))).toEqual(outOfOrder(6));
    expect(faultOf(() => insertSecret(known, 4, perCommitmentSecret(seed, 4)))).toEqual(outOfOrder(4));
    expect(faultOf(() => receivedSecret(known, 5))).toEqual({ code: 'secret_unknown', number: 5 });
    const foreign = perCommitmentSecret(new Uint8Array(32).fill(8), 5);
    expect(faultOf(() => insertSecret(known, 5, foreign))).toEqual({ code: 'secret_of_another_seed', number: 5 });
  });

  test('a stored entry at a place that is not its own is refused', () => {
    const [first, second] = received(new Uint8Array(32).fill(1), 3);
    if (first === undefined || second === undefined) throw new Error('two places expected');
    expect(() => decode(secretStoreCodec, encode(secretStoreCodec, [second, first]))).toThrow(WireError);
  });
});

describe('appendix E: keys', () => {
  const { inputs, vectors } = vectorsOf<AppendixE>('bolt03-appendix-e-key-derivation');
  const baseSecret = secretKey(unhex(inputs.base_secret));
  const commitmentSecret = secretKey(unhex(inputs.per_commitment_secret));
  const basePoint = point(unhex(inputs.base_point));
  const commitmentPoint = point(unhex(inputs.per_commitment_point));
  const results: Record<string, Uint8Array> = {
    localpubkey: derivePoint(basePoint, commitmentPoint),
    localprivkey: deriveSecret(baseSecret, commitmentPoint),
    revocationpubkey: revocationPoint(basePoint, commitmentPoint),
    revocationprivkey: revocationSecret(baseSecret, commitmentSecret),
  };
  test.each(vectors)('$name', ({ output_field, output }) => {
    expect(hex(results[output_field] ?? new Uint8Array())).toBe(output);
  });
});

describe('the keys of a channel', () => {
  test('each public key of a commitment has the secret that its owner derives', () => {
    fc.assert(
      fc.property(seedOf, seedOf, fc.integer({ min: 0, max: LAST }), (holderSeed, counterpartySeed, number) => {
        const holder = channelSecrets(holderSeed);
        const counterparty = channelSecrets(counterpartySeed);
        const at = perCommitmentPoint(holder.perCommitmentSeed, number);
        const keys = commitmentKeys(basepointsOf(holder), basepointsOf(counterparty), at);
        const secret = perCommitmentSecret(holder.perCommitmentSeed, number);
        expect(hex(pointOf(deriveSecret(holder.htlc, at)))).toBe(hex(keys.holderHtlc));
        expect(hex(pointOf(deriveSecret(holder.delayedPayment, at)))).toBe(hex(keys.holderDelayed));
        expect(hex(pointOf(deriveSecret(counterparty.htlc, at)))).toBe(hex(keys.counterpartyHtlc));
        expect(hex(pointOf(revocationSecret(counterparty.revocation, secret)))).toBe(hex(keys.revocation));
        expect(hex(pointOf(counterparty.payment))).toBe(hex(keys.counterpartyPayment));
      }),
      { numRuns: 20 },
    );
  });

  test('a channel seed always gives the same secrets, all different, and only 32 bytes are one', () => {
    const secrets = channelSecrets(new Uint8Array(32).fill(1));
    expect(new Set(Object.values(secrets).map(hex)).size).toBe(6);
    expect(hex(secrets.funding)).toBe('ec5cc56e1018cfa8af452ae303f1cadf01861d5b4a20091ea6a4686a9f3e0fc2');
    expect(hex(secrets.perCommitmentSeed)).toBe('6699ba86524c0bc0a9ff22cfcc12b9999638623d4d69631333dff61c7f37ef03');
    expect(() => channelSecrets(new Uint8Array(31))).toThrow(RangeError);
  });

  test('a commitment number beyond 48 bits is refused', () => {
    expect(() => perCommitmentSecret(new Uint8Array(32), LAST + 1)).toThrow(RangeError);
  });
});
