/** Failures on their way back: the published packets, every hop's failure found again, garbage that tells nothing. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decodeFailure, encodeFailure, type Failure, failureOfMalformed } from '../../onion/failuremessages.ts';
import { createFailure, readFailure, wrapFailure } from '../../onion/failureonion.ts';
import { generateKey } from '../../onion/keys.ts';
import { concat, hex, unhex } from '../../wire/bytes.ts';
import * as crypto from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { bytesOf } from './arbitrary.ts';
import { load } from './cases.ts';

vi.mock('../../wire/crypto.ts', { spy: true });
afterEach(() => vi.clearAllMocks());

interface ErrorFile {
  readonly vectors: {
    readonly generate: {
      readonly failure_message: string;
      readonly hops: readonly {
        readonly hop_shared_secret: string;
        readonly ammag_key: string;
        readonly um_key?: string;
        readonly payload?: string;
      }[];
    };
    readonly errorpacket: string;
  };
}
interface AttributableFile {
  readonly vectors: {
    readonly failure: {
      readonly hops: readonly {
        readonly shared_secret: string;
        readonly node: number;
        readonly error_packet: string;
      }[];
      readonly encoded_failure_message: string;
      readonly raw_error_packet: string;
    };
  };
}

/** What the origin receives when `from` fails and every hop before it adds its layer. */
const returned = (secrets: readonly Uint8Array[], from: number, reason: Uint8Array): Uint8Array =>
  secrets.slice(0, from).reduceRight((packet, secret) => wrapFailure(secret, packet), reason);

describe('bolt04-onion-error', () => {
  const { generate, errorpacket } = load<ErrorFile>('bolt04-onion-error').vectors;
  const secrets = generate.hops.map((hop) => unhex(hop.hop_shared_secret));
  const failure = decodeFailure(unhex(generate.failure_message));
  const erring = secrets.length - 1;

  test('the keys of the published failure onion are derived', () => {
    generate.hops.forEach((hop, i) => {
      expect(hex(generateKey('ammag', secrets[i] ?? new Uint8Array()))).toBe(hop.ammag_key);
      if (hop.um_key !== undefined) expect(hex(generateKey('um', secrets[i] ?? new Uint8Array()))).toBe(hop.um_key);
    });
  });

  test('the failing hop encrypts the published failure as published', () => {
    const secret = secrets[erring] ?? new Uint8Array();
    const open = wrapFailure(secret, createFailure(secret, failure));
    expect(hex(open.subarray(32))).toBe(generate.hops[erring]?.payload);
  });

  test('the published failure onion is built as published and read back by the origin', () => {
    const packet = returned(secrets, erring, createFailure(secrets[erring] ?? new Uint8Array(), failure));
    expect(hex(packet)).toBe(errorpacket);
    expect(readFailure(secrets, unhex(errorpacket))).toEqual({
      kind: 'attributed',
      hop: erring,
      failure: { name: 'temporary_node_failure' },
    });
  });
});

describe('bolt04-attributable-failures, the failure itself', () => {
  const { hops, encoded_failure_message, raw_error_packet } =
    load<AttributableFile>('bolt04-attributable-failures').vectors.failure;
  const secrets = hops.map((hop) => unhex(hop.shared_secret)).reverse();
  const failure = { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(100n), height: 800_000 };

  test('every hop adds its layer to the published failure as published', () => {
    let packet = unhex(raw_error_packet);
    for (const hop of hops) {
      packet = wrapFailure(unhex(hop.shared_secret), packet);
      expect(hex(packet)).toBe(hop.error_packet);
    }
  });

  test('the origin reads the published failure and ignores the TLV stream behind it', () => {
    expect(readFailure(secrets, unhex(hops.at(-1)?.error_packet ?? ''))).toEqual({
      kind: 'attributed',
      hop: 4,
      failure,
    });
    expect(encoded_failure_message).toContain(hex(encodeFailure(failure as Failure)));
  });
});

describe('the origin', () => {
  const secretsOf = fc.array(bytesOf(32), { minLength: 1, maxLength: 27 });
  const somewhere = secretsOf.chain((secrets) =>
    fc.record({ secrets: fc.constant(secrets), from: fc.nat({ max: secrets.length - 1 }) }),
  );
  const failure: Failure = { name: 'mpp_timeout' };

  test('the origin finds the hop that failed, wherever on the route it is', () => {
    fc.assert(
      fc.property(somewhere, ({ secrets, from }) => {
        const reason = createFailure(secrets[from] ?? new Uint8Array(), failure);
        expect(readFailure(secrets, returned(secrets, from, reason))).toEqual({
          kind: 'attributed',
          hop: from,
          failure,
        });
      }),
      { numRuns: 50 },
    );
  });

  test('the origin cannot attribute random bytes of any length', () => {
    const reason = fc.oneof(fc.uint8Array({ maxLength: 80 }), bytesOf(292), bytesOf(65_535 - 34));
    fc.assert(
      fc.property(secretsOf, reason, (secrets, garbage) => {
        expect(readFailure(secrets, garbage)).toEqual({ kind: 'unattributable' });
      }),
      { numRuns: 40 },
    );
  });

  test('the origin cannot attribute a failure of which any bit was flipped on the way', () => {
    fc.assert(
      fc.property(somewhere, fc.nat({ max: 292 * 8 - 1 }), ({ secrets, from }, bit) => {
        const packet = returned(secrets, from, createFailure(secrets[from] ?? new Uint8Array(), failure));
        packet[bit >> 3] = (packet[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(readFailure(secrets, packet)).toEqual({ kind: 'unattributable' });
      }),
      { numRuns: 50 },
    );
  });

  test('the origin removes 27 layers, whichever hop failed and however short the route is', () => {
    const secrets = Array.from({ length: 20 }, (_, i) => new Uint8Array(32).fill(i + 1));
    const layers = (route: readonly Uint8Array[], reason: Uint8Array): number => {
      vi.mocked(crypto.chacha20Stream).mockClear();
      readFailure(route, reason);
      return vi.mocked(crypto.chacha20Stream).mock.calls.length;
    };
    const first = createFailure(secrets[0] ?? new Uint8Array(), failure);
    expect(layers(secrets, first)).toBe(27);
    expect(layers(secrets.slice(0, 1), first)).toBe(27);
    expect(layers(secrets, returned(secrets, 19, createFailure(secrets[19] ?? new Uint8Array(), failure)))).toBe(27);
    expect(layers(secrets, new Uint8Array(292))).toBe(27);
  });

  test('the origin does not accept a layer that was made with the placeholder of absent hops', () => {
    const absent = new Uint8Array(32);
    const secrets = [new Uint8Array(32).fill(1)];
    const forged = returned([...secrets, absent], 1, createFailure(absent, failure));
    expect(readFailure(secrets, forged)).toEqual({ kind: 'unattributable' });
  });

  test('the origin names the first hop whose HMAC is valid', () => {
    const secret = new Uint8Array(32).fill(1);
    // Two layers of one secret cancel out, so the third hop's HMAC fits as well.
    expect(readFailure([secret, secret, secret], createFailure(secret, failure))).toMatchObject({ hop: 0 });
  });

  test('the origin blames the hop that authenticated bytes which are no failure', () => {
    const secret = new Uint8Array(32).fill(1);
    for (const body of ['', '00', '0000', 'ffff2002', '0001200000']) {
      const bytes = unhex(body);
      const reason = concat(crypto.hmacSha256(generateKey('um', secret), bytes), bytes);
      expect(readFailure([secret], wrapFailure(secret, reason))).toMatchObject({
        kind: 'attributed',
        hop: 0,
        failure: { name: 'unknown', code: 0 },
      });
    }
  });

  test('the origin learns of a malformed onion from the node before the one that could not read it', () => {
    const secrets = [1, 2, 3].map((n) => new Uint8Array(32).fill(n));
    const hash = new Uint8Array(32).fill(9);
    // Hop 2 answered update_fail_malformed_htlc; hop 1 turns it into a failure of its own making.
    const reason = createFailure(secrets[1] ?? new Uint8Array(), failureOfMalformed(0xc005, hash));
    expect(readFailure(secrets, returned(secrets, 1, reason))).toEqual({
      kind: 'attributed',
      hop: 1,
      failure: { name: 'invalid_onion_hmac', sha256_of_onion: hash },
    });
  });
});

describe('the failing hop', () => {
  const secret = new Uint8Array(32).fill(1);
  test.each([
    { what: 'no data', failure: { name: 'mpp_timeout' } },
    {
      what: 'a long channel_update',
      failure: { name: 'expiry_too_soon', channel_update: new Uint8Array(252).fill(1) },
    },
    { what: 'unknown data', failure: { name: 'unknown', code: 0x4fff, data: new Uint8Array(254) } },
  ] as const)('the failing hop sends 292 bytes for a failure with $what', ({ failure }) => {
    expect(createFailure(secret, failure).length).toBe(292);
  });

  test('the failing hop sends a failure of more than 256 bytes without padding', () => {
    const failure = { name: 'unknown', code: 0x4fff, data: new Uint8Array(255) } as const;
    expect(createFailure(secret, failure).length).toBe(32 + 2 + 257 + 2);
  });

  test('a failure too long for its length field cannot be sent', () => {
    const failure = { name: 'unknown', code: 0x4fff, data: new Uint8Array(65_534) } as const;
    expect(() => createFailure(secret, failure)).toThrow('failure message of 65536 bytes');
  });
});
