/** Keys that an experiment gives a node, so that its signatures are predictable: in Core Lightning's formats. */
import type { ChannelSecrets } from '../../channel/tx/keys.ts';
import { unhex } from '../../wire/bytes.ts';
import { isSecretKey } from '../../wire/crypto.ts';
import type { SecretKey } from '../../wire/units.ts';

const bytesOf = (text: string, what: string): Uint8Array => {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new RangeError(what);
  return unhex(text);
};

const keyOf = (text: string, what: string): SecretKey => {
  const bytes = bytesOf(text, what);
  if (!isSecretKey(bytes)) throw new RangeError(what);
  return bytes;
};

/** A private key: 64 hex digits, neither zero nor beyond the curve's order. Throws RangeError that does not repeat it. */
export const forcedKey = (text: string): SecretKey =>
  keyOf(text, 'a private key: 64 hex digits, within the curve’s order');

/** A seed of 32 bytes: 64 hex digits. Throws RangeError that does not repeat it. */
export const forcedSeed = (text: string): Uint8Array => bytesOf(text, 'a seed: 64 hex digits');

/**
 * A channel's secrets: funding key, basepoint secrets of revocation, payment, delayed payment and HTLC, and the seed of the
 * per-commitment secrets, each 64 hex digits, with `/` between them. Throws RangeError that does not repeat them.
 */
export const forcedChannelSecrets = (text: string): ChannelSecrets => {
  const what = 'FUNDING/REVOCATION/PAYMENT/DELAYED/HTLC/SHASEED, five private keys and a seed of 64 hex digits each';
  const [funding = '', revocation = '', payment = '', delayed = '', htlc = '', seed = '', ...more] = text.split('/');
  if (more.length > 0) throw new RangeError(what);
  return {
    funding: keyOf(funding, what),
    revocation: keyOf(revocation, what),
    payment: keyOf(payment, what),
    delayedPayment: keyOf(delayed, what),
    htlc: keyOf(htlc, what),
    perCommitmentSeed: bytesOf(seed, what),
  };
};
