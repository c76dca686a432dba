/**
 * BOLT 7: what the signatures of an announcement cover. They sign the bytes as sent, fields and records from the future
 * included, so announcements are verified and relayed as raw messages and never encoded again.
 */
import { hash256 } from './crypto.ts';

/** Where the signed part of a raw message begins: behind the type and the signatures. */
const SIGNED_FROM = {
  channel_announcement: 2 + 4 * 64,
  node_announcement: 2 + 64,
  channel_update: 2 + 64,
} as const;
export type SignedName = keyof typeof SIGNED_FROM;

/** The bytes the signatures cover; `raw` is the whole message with its type. */
export const signedPart = (name: SignedName, raw: Uint8Array): Uint8Array => raw.subarray(SIGNED_FROM[name]);

/** The double SHA-256 the signatures sign, 32 bytes. To sign: encode with zero signatures, sign this, encode again. */
export const signedDigest = (name: SignedName, raw: Uint8Array): Uint8Array => hash256(signedPart(name, raw));
