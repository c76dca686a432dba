/** The door to cryptography under each of its backends: what everything else is made of. */
import {
  addPoints,
  addSecrets,
  chacha20Stream,
  ecdh,
  hmacSha256,
  multiply,
  multiplySecrets,
  open,
  pointOf,
  recover,
  seal,
  sha256,
  sign,
  signRecoverable,
  useBackends,
  verify,
} from '../../wire/crypto.ts';
import { secretKey } from '../../wire/units.ts';
import { type Bench, type Scope, underEachBackend } from './harness.ts';

const secret = secretKey(sha256(Uint8Array.of(1)));
const other = secretKey(sha256(Uint8Array.of(2)));
const digest = sha256(Uint8Array.of(3));
const point = pointOf(other);
const { signature, recovery } = signRecoverable(digest, secret);
const signer = pointOf(secret);

const curveRows: Readonly<Record<string, () => void>> = {
  'point of a secret': () => pointOf(secret),
  'point × scalar': () => multiply(point, secret),
  'point + point': () => addPoints(point, signer),
  ECDH: () => ecdh(point, secret),
  'secret + secret': () => addSecrets(secret, other),
  'secret × secret': () => multiplySecrets(secret, other),
  sign: () => sign(digest, secret),
  verify: () => verify(signature, digest, signer),
  recover: () => recover(signature, recovery, digest),
};

const key = new Uint8Array(32).fill(7);
const nonce = new Uint8Array(12);
const empty = new Uint8Array(0);
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(5);
const [b32, b97, b100, b1366] = [bytes(32), bytes(97), bytes(100), bytes(1366)];
const sealed = seal(key, nonce, empty, b100);

const symmetricRows: Readonly<Record<string, () => void>> = {
  'SHA-256, 32 bytes': () => sha256(b32),
  'SHA-256, 33 + 32 bytes': () => sha256(point, b32),
  'SHA-256, 1,366 bytes': () => sha256(b1366),
  'HMAC-SHA256, 32 bytes': () => hmacSha256(key, b32),
  'HMAC-SHA256, 1,366 bytes': () => hmacSha256(key, b1366),
  'ChaCha20 stream, 97 bytes': () => chacha20Stream(key, b97.length),
  'ChaCha20 stream, 1,300 bytes': () => chacha20Stream(key, 1300),
  'ChaCha20 stream, 2,600 bytes': () => chacha20Stream(key, 2600),
  'seal, 100 bytes': () => seal(key, nonce, empty, b100),
  'open, 100 bytes': () => open(key, nonce, empty, sealed),
};

const measureSymmetric = (scope: Scope): void => {
  for (const symmetric of ['node', 'noble'] as const) {
    const before = useBackends({ symmetric });
    for (const [row, run] of Object.entries(symmetricRows)) scope.rate(row, symmetric, run);
    useBackends(before);
  }
};

export const bench: Bench = {
  name: 'crypto',
  about: 'the cryptographic primitives under each backend',
  run: async (scope) => {
    scope.table('secp256k1');
    await underEachBackend((backend) => {
      for (const [row, run] of Object.entries(curveRows)) scope.rate(row, backend, run);
    });
    scope.table('hashes, MACs and ciphers');
    measureSymmetric(scope);
  },
};
