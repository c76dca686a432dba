/** Derivation of keys against BIP 32's own vectors, and against another implementation. */
import { BIP32Factory, type TinySecp256k1Interface } from 'bip32';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { childrenOf, HARDENED, hardenedPath, masterKey } from '../../../node/wallet/extendedkeys.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { addPoints, addSecrets, isPoint, isSecretKey, pointOf, sign, verify } from '../../../wire/crypto.ts';
import { point, secretKey, signature } from '../../../wire/units.ts';

/** The curve as that implementation calls it. */
const curve: TinySecp256k1Interface = {
  isPoint,
  isPrivate: isSecretKey,
  pointFromScalar: (secret) => pointOf(secretKey(secret)),
  pointAddScalar: (of, tweak) => addPoints(point(of), pointOf(secretKey(tweak))),
  privateAdd: (secret, tweak) => addSecrets(secretKey(secret), secretKey(tweak)),
  sign: (digest, secret) => sign(digest, secretKey(secret)),
  verify: (digest, of, signed) => verify(signature(signed), digest, point(of)),
};

// BIP 32, "Test vector 1".
const seed = unhex('000102030405060708090a0b0c0d0e0f');

test('the chain m, m/0h, m/0h/1 of BIP 32 has the keys of its vectors', () => {
  const root = masterKey(seed);
  const first = childrenOf(root)(HARDENED);
  const second = childrenOf(first)(1);
  expect([root, first, second].map(({ key, chainCode }) => [hex(key), hex(chainCode)])).toEqual([
    [
      'e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35',
      '873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508',
    ],
    [
      'edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea',
      '47fdacbd0f1097043b78c63c20c34ef4ed9a111d980047ad16282c7ae6236141',
    ],
    [
      '3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368',
      '2a7857631386ba23dacac34180dd1983734e444fdbf774041578e9b6adb37c19',
    ],
  ]);
});

test('a path of hardened indices is that of one child after the other', () => {
  const root = masterKey(seed);
  const there = childrenOf(childrenOf(root)(HARDENED + 84))(HARDENED + 1);
  expect(hardenedPath(root, [84, 1])).toEqual(there);
  expect(hardenedPath(root, [])).toEqual(root);
});

test('every key below a seed is the one that another implementation derives', () => {
  const index = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 0xffffffff }));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 64 }), fc.array(index, { maxLength: 5 }), (bytes, path) => {
      let ours = masterKey(bytes);
      let theirs = BIP32Factory(curve).fromSeed(bytes);
      for (const at of path) {
        ours = childrenOf(ours)(at);
        theirs = theirs.derive(at);
      }
      expect(hex(ours.key)).toBe(hex(theirs.privateKey ?? new Uint8Array()));
      expect(hex(ours.chainCode)).toBe(hex(theirs.chainCode));
    }),
    { numRuns: 40 },
  );
});
