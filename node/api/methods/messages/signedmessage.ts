/**
 * Messages signed with a node's key, in the form that lnd made and Core Lightning, LDK and eclair share: 65 bytes in z-base-32, the
 * first of them 31 and the recovery id, over the double SHA-256 of the message behind a prefix.
 */

import { concat, utf8 } from '../../../../wire/bytes.ts';
import { hash256, recover, signRecoverable } from '../../../../wire/crypto.ts';
import { type Point, type SecretKey, type Signature, signature } from '../../../../wire/units.ts';
import { decodeZbase32, encodeZbase32 } from '../../../../wire/zbase32.ts';

/** What makes a signed message no signature of anything else. */
const PREFIX = 'Lightning Signed Message:';
/** In front of the recovery id: bitcoind's mark of a signature whose key is compressed. */
const HEADER = 31;
/** Bytes of a header and a signature. */
const LENGTH = 65;

const digestOf = (message: string): Uint8Array => hash256(utf8(PREFIX + message));

export interface SignedMessage {
  readonly signature: Signature;
  /** 0 to 3. */
  readonly recovery: number;
  readonly zbase: string;
}

/** A message signed with a node's key. Throws RangeError for an invalid key. */
export const signMessage = (message: string, key: SecretKey): SignedMessage => {
  const signed = signRecoverable(digestOf(message), key);
  return { ...signed, zbase: encodeZbase32(concat(Uint8Array.of(HEADER + signed.recovery), signed.signature)) };
};

/** Whose key has signed a message, or what is wrong with the signature, in words. */
export const signerOf = (message: string, zbase: string): Point | string => {
  const bytes = decodeZbase32(zbase);
  if (bytes === undefined) return 'expected letters of z-base-32 (ybndrfg8ejkmcpqxot1uwisza345h769)';
  const [header = 0] = bytes;
  if (bytes.length !== LENGTH || header < HEADER || header > HEADER + 3)
    return 'expected a signature as signmessage gives it, 104 letters';
  return recover(signature(bytes.slice(1)), header - HEADER, digestOf(message)) ?? 'no key has made this signature';
};
