/** node:crypto and @noble hash, mac and encrypt alike, and as the RFCs say. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, hex, unhex, utf8, zeros } from '../../wire/bytes.ts';
import { symmetricNamed } from '../../wire/crypto/choose.ts';
import * as crypto from '../../wire/crypto.ts';

const reference = symmetricNamed('noble');
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const sha256Rows: readonly (readonly [string, string])[] = [
  // FIPS 180-4 examples
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
];

const hmacRows: readonly (readonly [key: string, message: string, mac: string])[] = [
  // RFC 4231, test cases 1, 2 and 6
  ['0b'.repeat(20), hex(utf8('Hi There')), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    hex(utf8('Jefe')),
    hex(utf8('what do ya want for nothing?')),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(131),
    hex(utf8('Test Using Larger Than Block-Size Key - Hash Key First')),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
];

const hmac512Rows: readonly (readonly [key: string, message: string, mac: string])[] = [
  // RFC 4231, test cases 1 and 2
  [
    '0b'.repeat(20),
    hex(utf8('Hi There')),
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ],
  [
    hex(utf8('Jefe')),
    hex(utf8('what do ya want for nothing?')),
    '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  ],
];

for (const name of ['node', 'noble'] as const) {
  describe(`symmetric backend ${name}`, () => {
    const symmetric = symmetricNamed(name);

    test.each(sha256Rows)(`symmetric backend ${name} computes SHA-256 of %j`, (text, digest) => {
      expect(hex(symmetric.sha256(utf8(text)))).toBe(digest);
    });

    test.each(hmacRows)(`symmetric backend ${name} computes HMAC-SHA256 under %s`, (key, message, mac) => {
      expect(hex(symmetric.hmacSha256(unhex(key), unhex(message)))).toBe(mac);
    });

    test.each(hmac512Rows)(`symmetric backend ${name} computes HMAC-SHA512 under %s`, (key, message, mac) => {
      const whole = unhex(message);
      expect(hex(symmetric.hmacSha512(unhex(key), whole.subarray(0, 3), whole.subarray(3)))).toBe(mac);
    });

    test(`symmetric backend ${name} computes RIPEMD-160 of "abc"`, () => {
      expect(hex(symmetric.ripemd160(utf8('abc')))).toBe('8eb208f7e05d987a9b044a8e98c6b087f15a0bfc');
    });

    test(`symmetric backend ${name} computes PBKDF2 with HMAC-SHA512 as the reference, and of the words of BIP 39 their seed`, () => {
      for (const [password, salt, rounds] of [
        ['', '', 1],
        ['of a password', 'and a salt', 7],
      ] as const)
        expect(symmetric.pbkdf2(utf8(password), utf8(salt), rounds)).toEqual(
          reference.pbkdf2(utf8(password), utf8(salt), rounds),
        );
      // BIP 39, the first of its test vectors, whose passphrase is TREZOR.
      const words = `${'abandon '.repeat(11)}about`;
      expect(hex(symmetric.pbkdf2(utf8(words), utf8('mnemonicTREZOR'), 2048))).toBe(
        'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
      );
    });

    test(`symmetric backend ${name} begins a ChaCha20 stream with block 0 of RFC 8439, appendix A.1`, () => {
      expect(hex(symmetric.chacha20Stream(zeros(32), 64))).toBe(
        '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
      );
    });

    test(`symmetric backend ${name} continues a shorter ChaCha20 stream with a longer one`, () => {
      const key = zeros(32).fill(9);
      const long = symmetric.chacha20Stream(key, 10_000);
      expect(long).toEqual(reference.chacha20Stream(key, 10_000));
      for (const length of [0, 1, 63, 64, 65, 1300, 2600, 4096, 4097])
        expect(symmetric.chacha20Stream(key, length)).toEqual(long.subarray(0, length));
    });

    test(`symmetric backend ${name} encrypts with ChaCha20-Poly1305 as in RFC 8439, section 2.8.2`, () => {
      const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
      const nonce = unhex('070000004041424344454647');
      const additional = unhex('50515253c0c1c2c3c4c5c6c7');
      const plain = utf8(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      );
      const sealed = symmetric.seal(key, nonce, additional, plain);
      expect(hex(sealed.subarray(0, 16))).toBe('d31a8d34648e60db7b86afbc53ef7ec2');
      expect(hex(sealed.subarray(-16))).toBe('1ae10b594f09e26a7e902ecbd0600691');
      expect(symmetric.open(key, nonce, additional, sealed)).toEqual(plain);
    });

    test(`symmetric backend ${name} agrees with the reference on hashes and MACs, however the message is cut`, () => {
      fc.assert(
        fc.property(fc.array(bytes(200), { maxLength: 4 }), bytes(80), (parts, key) => {
          expect(symmetric.sha256(...parts)).toEqual(reference.sha256(concat(...parts)));
          expect(symmetric.hmacSha256(key, ...parts)).toEqual(reference.hmacSha256(key, concat(...parts)));
          expect(symmetric.hmacSha512(key, ...parts)).toEqual(reference.hmacSha512(key, concat(...parts)));
          expect(symmetric.ripemd160(concat(...parts))).toEqual(reference.ripemd160(concat(...parts)));
        }),
      );
    });

    test(`symmetric backend ${name} decrypts what the reference encrypts, and nothing with one bit changed`, () => {
      const flip = fc.nat();
      fc.assert(
        fc.property(exactly(32), exactly(12), bytes(40), bytes(200), flip, (key, nonce, additional, plain, at) => {
          const sealed = reference.seal(key, nonce, additional, plain);
          expect(symmetric.seal(key, nonce, additional, plain)).toEqual(sealed);
          expect(symmetric.open(key, nonce, additional, sealed)).toEqual(plain);
          const bit = at % (8 * sealed.length);
          const damaged = sealed.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
          expect(symmetric.open(key, nonce, additional, damaged)).toBeUndefined();
          expect(symmetric.open(key, nonce, concat(additional, zeros(1)), sealed)).toBeUndefined();
        }),
        { numRuns: 60 },
      );
    });

    test(`symmetric backend ${name} decrypts nothing that is shorter than a tag`, () => {
      for (const length of [0, 1, 15, 16])
        expect(symmetric.open(zeros(32), zeros(12), zeros(0), zeros(length))).toBeUndefined();
    });

    test(`symmetric backend ${name} returns plain arrays and never changes its own zeros`, () => {
      const stream = symmetric.chacha20Stream(zeros(32), 100);
      const again = stream.slice();
      stream.fill(1);
      expect(symmetric.chacha20Stream(zeros(32), 100)).toEqual(again);
      const sealed = symmetric.seal(zeros(32), zeros(12), zeros(0), zeros(3));
      const results = [
        stream,
        sealed,
        symmetric.sha256(zeros(3)),
        symmetric.hmacSha256(zeros(3)),
        symmetric.hmacSha512(zeros(3)),
        symmetric.ripemd160(zeros(3)),
        symmetric.open(zeros(32), zeros(12), zeros(0), sealed),
      ];
      for (const result of results) expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
    });
  });
}

test("Bitcoin's double and mixed hashes are what their names say", () => {
  const message = utf8('hello');
  expect(hex(crypto.hash256(message))).toBe('9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50');
  expect(hex(crypto.hash160(message))).toBe('b6a9c8c230722b7c748331a8b450f05566dc7d0f');
  expect(crypto.hash256(utf8('hel'), utf8('lo'))).toEqual(crypto.hash256(message));
});
