/**
 * Scalars modulo the order of secp256k1 as big integers, for backends that lack an operation. Not constant-time: the
 * native backend computes these in libsecp256k1.
 */
import type { SecretKey } from '../units.ts';
import { invalidScalar, zeroScalar } from './faults.ts';

/** The order of the group. */
export const ORDER = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

const read = (bytes: Uint8Array): bigint => {
  if (bytes.length !== 32) throw invalidScalar();
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
  let n = 0n;
  for (let at = 0; at < 32; at += 8) n = (n << 64n) | view.getBigUint64(at);
  if (n === 0n || n >= ORDER) throw invalidScalar();
  return n;
};

const write = (n: bigint): SecretKey => {
  if (n === 0n) throw zeroScalar();
  const out = new Uint8Array(32);
  const view = new DataView(out.buffer);
  for (let at = 24, rest = n; at >= 0; at -= 8, rest >>= 64n) view.setBigUint64(at, rest & 0xffff_ffff_ffff_ffffn);
  return out as SecretKey;
};

/** (a + b) mod n. Throws RangeError for an operand outside 1..n-1 and for the sum zero. */
export const addScalars = (a: SecretKey, b: SecretKey): SecretKey => write((read(a) + read(b)) % ORDER);

/** (a × b) mod n. Throws RangeError for an operand outside 1..n-1. */
export const multiplyScalars = (a: SecretKey, b: SecretKey): SecretKey => write((read(a) * read(b)) % ORDER);
