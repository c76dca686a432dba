/**
 * BOLT 4, "Returning Errors": the failing hop pads, authenticates and encrypts a failure, every hop before it adds a layer, and the origin
 * removes the layers until an HMAC is valid. No hop on the way can read it.
 */
import { concat, equalConstantTime, u16be, zeros } from '../wire/bytes.ts';
import { bytes16, Reader, WireError } from '../wire/codec.ts';
import { chacha20Stream, hmacSha256 } from '../wire/crypto.ts';
import { HMAC_LENGTH } from './eobframe.ts';
import { OnionError } from './errors.ts';
import { decodeFailure, encodeFailure, type Failure } from './failuremessages.ts';
import { xorInto } from './filler.ts';
import { generateKey } from './keys.ts';

/** Failure and padding together have at least this many bytes, so that the length reveals nothing of the failure. */
const MIN_LENGTH = 256;
const U16_MAX = 0xffff;
/** The longest route of TLV payloads by BOLT 4: as many layers are removed by the origin, whichever hop failed. */
const MAX_HOPS = 27;
/** Placeholder for absent hops. It protects nothing: with it a short route takes as much work as a long one. */
const ABSENT = zeros(32);

/** Adds or removes one hop's layer. Any length is accepted: only the origin checks it. */
export const wrapFailure = (sharedSecret: Uint8Array, reason: Uint8Array): Uint8Array => {
  const out = Uint8Array.from(reason);
  xorInto(out, chacha20Stream(generateKey('ammag', sharedSecret), out.length), 0, out.length);
  return out;
};

/**
 * The `reason` that the failing hop puts into `update_fail_htlc`: HMAC, failure and pad under its own layer; 292 bytes for
 * any failure of up to 256. Throws OnionError when an unknown failure's data make it longer than 65,535 bytes.
 */
export const createFailure = (sharedSecret: Uint8Array, failure: Failure): Uint8Array => {
  const message = encodeFailure(failure);
  if (message.length > U16_MAX) throw new OnionError({ code: 'failure_length', length: message.length });
  const pad = zeros(Math.max(0, MIN_LENGTH - message.length));
  const body = concat(u16be(message.length), message, u16be(pad.length), pad);
  const hmac = hmacSha256(generateKey('um', sharedSecret), body);
  return wrapFailure(sharedSecret, concat(hmac, body));
};

/** What the origin reads from a `reason`. */
export type ReturnedFailure =
  /** `hop` counts from 0, the first node of the route. */
  | { readonly kind: 'attributed'; readonly hop: number; readonly failure: Failure }
  /** No hop's HMAC is valid: a node on the way forged or corrupted it. */
  | { readonly kind: 'unattributable' };

/** The failure behind the HMAC. A hop that authenticated something else is still the hop that failed: code 0. */
const readBody = (bytes: Uint8Array): Failure => {
  try {
    return decodeFailure(bytes16.read(new Reader(bytes)));
  } catch (error) {
    if (error instanceof WireError) return { name: 'unknown', code: 0, data: zeros(0) };
    throw error;
  }
};

/**
 * Removes the layers in route order and names the first hop whose HMAC is valid. `sharedSecrets` are those of the onion that
 * was sent. The work is the same wherever the failure came from and however short the route is (up to 27 hops), so that an
 * erring hop cannot learn its position by timing a retry. Never throws for any `reason`.
 */
export const readFailure = (sharedSecrets: readonly Uint8Array[], reason: Uint8Array): ReturnedFailure => {
  const rounds = Math.max(MAX_HOPS, sharedSecrets.length);
  let layered = reason;
  let found: { readonly hop: number; readonly body: Uint8Array } | undefined;
  for (let hop = 0; hop < rounds; hop++) {
    const sharedSecret = sharedSecrets[hop] ?? ABSENT;
    layered = wrapFailure(sharedSecret, layered);
    const inner = layered.subarray(HMAC_LENGTH);
    const fits = equalConstantTime(
      hmacSha256(generateKey('um', sharedSecret), inner),
      layered.subarray(0, HMAC_LENGTH),
    );
    if (fits && found === undefined && hop < sharedSecrets.length) found = { hop, body: inner };
  }
  return found === undefined
    ? { kind: 'unattributable' }
    : { kind: 'attributed', hop: found.hop, failure: readBody(found.body) };
};
