/**
 * Extended private keys (BIP 32): a key, and the chain code with which it yields children. Only private ones: nothing here gives an
 * extended public key away.
 */
import { concat, u32be, utf8 } from '../../wire/bytes.ts';
import { addSecrets, hmacSha512, isSecretKey, pointOf } from '../../wire/crypto.ts';
import type { SecretKey } from '../../wire/units.ts';

export interface ExtendedKey {
  readonly key: SecretKey;
  /** 32 bytes. */
  readonly chainCode: Uint8Array;
}

/** The index of the first hardened child: what its parent's public key does not reveal. */
export const HARDENED = 0x80000000;

/** The master key of a seed of 16 to 64 bytes. Throws RangeError for the one seed in 2^127 that has none. */
export const masterKey = (seed: Uint8Array): ExtendedKey => {
  const mac = hmacSha512(utf8('Bitcoin seed'), seed);
  const key = mac.slice(0, 32);
  if (!isSecretKey(key)) throw new RangeError('seed: it has no master key (BIP 32)');
  return { key, chainCode: mac.slice(32) };
};

/** The sum of two secrets; undefined where one is out of range or the sum is zero. */
const sumOf = (key: SecretKey, tweak: Uint8Array): SecretKey | undefined => {
  if (!isSecretKey(tweak)) return undefined;
  try {
    return addSecrets(key, tweak);
  } catch {
    return undefined;
  }
};

/**
 * Gives the child of a key at an index of 32 bits, hardened from `HARDENED` on (CKDpriv). An index without a key, one in 2^127, is
 * skipped for the next, as BIP 32 says.
 */
export const childrenOf = ({ key, chainCode }: ExtendedKey): ((index: number) => ExtendedKey) => {
  let point: Uint8Array | undefined;
  const child = (index: number): ExtendedKey => {
    point ??= index < HARDENED ? pointOf(key) : undefined;
    const parent = index < HARDENED && point !== undefined ? point : concat(Uint8Array.of(0), key);
    const mac = hmacSha512(chainCode, parent, u32be(index));
    const sum = sumOf(key, mac.slice(0, 32));
    return sum === undefined ? child(index + 1) : { key: sum, chainCode: mac.slice(32) };
  };
  return child;
};

/** The key at the end of a path of hardened indices, which are given without their hardening: m/84'/0' is [84, 0]. */
export const hardenedPath = (root: ExtendedKey, path: readonly number[]): ExtendedKey =>
  path.reduce((at, index) => childrenOf(at)(HARDENED + index), root);
