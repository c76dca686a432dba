/**
 * The payment_secret of our invoices: half of it is random and the other half follows from it and the node's key. So an HTLC that
 * names an invoice of ours is never taken for a payment without one, however long ago that invoice was closed: lnd's AMP says
 * of both the same, a secret.
 */
import { concat, equalConstantTime, utf8 } from '../../wire/bytes.ts';
import { hmacSha256 } from '../../wire/crypto.ts';

/** Random bytes that a secret is made of. */
export const SECRET_ENTROPY = 16;

const tagOf = (key: Uint8Array, random: Uint8Array): Uint8Array =>
  hmacSha256(key, utf8('payment_secret'), random).subarray(0, 32 - SECRET_ENTROPY);

/** A secret of 32 bytes, from 16 random ones. */
export const paymentSecretOf = (key: Uint8Array, random: Uint8Array): Uint8Array => concat(random, tagOf(key, random));

/** Whether a secret of 32 bytes was made with this key. */
export const isOwnPaymentSecret = (key: Uint8Array, secret: Uint8Array): boolean =>
  equalConstantTime(secret.subarray(SECRET_ENTROPY), tagOf(key, secret.subarray(0, SECRET_ENTROPY)));
