/**
 * Hashes and ciphers of node:crypto. What it returns is a Buffer; callers get plain Uint8Array views of the same memory,
 * since a Buffer's slice and toString mean something else.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, pbkdf2Sync } from 'node:crypto';
import { concat } from '../bytes.ts';
import type { Symmetric } from './backend.ts';

const plainView = (buffer: Uint8Array): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);

const TAG = 16;
/** OpenSSL's chacha20 wants the 32-bit block counter in front of the 96-bit nonce: all zero here. */
const COUNTER_AND_NONCE = new Uint8Array(16);
/** A stream is the encryption of zeros; onions ask for at most a few thousand bytes of it, so one array serves. */
const ZEROS = new Uint8Array(4096);

export const builtinSymmetric: Symmetric = {
  name: 'node',
  // One call over joined parts: making a Hash object costs more than hashing a key, a commitment or an onion.
  sha256: (...parts) =>
    plainView(hash('sha256', parts.length === 1 && parts[0] ? parts[0] : concat(...parts), 'buffer')),
  hmacSha256: (key, ...parts) => {
    const mac = createHmac('sha256', key);
    for (const part of parts) mac.update(part);
    return plainView(mac.digest());
  },
  hmacSha512: (key, ...parts) => {
    const mac = createHmac('sha512', key);
    for (const part of parts) mac.update(part);
    return plainView(mac.digest());
  },
  ripemd160: (bytes) => plainView(hash('ripemd160', bytes, 'buffer')),
  pbkdf2: (password, salt, rounds) => plainView(pbkdf2Sync(password, salt, rounds, 64, 'sha512')),
  chacha20Stream: (key, length) => {
    const zeros = length <= ZEROS.length ? ZEROS.subarray(0, length) : new Uint8Array(length);
    return plainView(createCipheriv('chacha20', key, COUNTER_AND_NONCE).update(zeros));
  },
  seal: (key, nonce, additional, plain) => {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
    if (additional.length > 0) cipher.setAAD(additional, { plaintextLength: plain.length });
    const head = cipher.update(plain);
    cipher.final();
    return concat(head, cipher.getAuthTag());
  },
  open: (key, nonce, additional, sealed) => {
    if (sealed.length < TAG) return undefined;
    const length = sealed.length - TAG;
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
    if (additional.length > 0) decipher.setAAD(additional, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const plain = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plainView(plain);
  },
};
