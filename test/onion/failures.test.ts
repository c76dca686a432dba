/** BOLT 4's failure table: each row's bytes both ways, and what becomes of bytes that fit no row. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeFailure,
  encodeFailure,
  type Failure,
  type FailureName,
  failureCode,
  failureOfMalformed,
  failures,
  malformed,
} from '../../onion/failuremessages.ts';
import { hex, unhex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';

const hash = new Uint8Array(32).fill(0xab);
const sha256_of_onion = hash;
const channel_update = unhex('0102aabb');
const none = new Uint8Array(0);

const rows: readonly (readonly [Failure, string])[] = [
  [{ name: 'invalid_realm' }, '4001'],
  [{ name: 'temporary_node_failure' }, '2002'],
  [{ name: 'permanent_node_failure' }, '6002'],
  [{ name: 'required_node_feature_missing' }, '6003'],
  [{ name: 'invalid_onion_version', sha256_of_onion }, `c004${hex(hash)}`],
  [{ name: 'invalid_onion_hmac', sha256_of_onion }, `c005${hex(hash)}`],
  [{ name: 'invalid_onion_key', sha256_of_onion }, `c006${hex(hash)}`],
  [{ name: 'temporary_channel_failure', channel_update: none }, '10070000'],
  [{ name: 'temporary_channel_failure', channel_update }, '100700040102aabb'],
  [{ name: 'permanent_channel_failure' }, '4008'],
  [{ name: 'required_channel_feature_missing' }, '4009'],
  [{ name: 'unknown_next_peer' }, '400a'],
  [{ name: 'amount_below_minimum', htlc_msat: msat(1n), channel_update }, '100b000000000000000100040102aabb'],
  [{ name: 'fee_insufficient', htlc_msat: msat(1n), channel_update: none }, '100c00000000000000010000'],
  [{ name: 'incorrect_cltv_expiry', cltv_expiry: 700_000, channel_update }, '100d000aae6000040102aabb'],
  [{ name: 'expiry_too_soon', channel_update: none }, '100e0000'],
  [
    { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(100n), height: 800_000 },
    '400f0000000000000064000c3500',
  ],
  [{ name: 'incorrect_payment_amount' }, '4010'],
  [{ name: 'final_expiry_too_soon' }, '0011'],
  [{ name: 'final_incorrect_cltv_expiry', cltv_expiry: 1 }, '001200000001'],
  [{ name: 'final_incorrect_htlc_amount', incoming_htlc_amt: msat(0xffff_ffff_ffff_ffffn) }, '0013ffffffffffffffff'],
  [{ name: 'channel_disabled', disabled_flags: 0, channel_update: none }, '101400000000'],
  [{ name: 'expiry_too_far' }, '0015'],
  [{ name: 'invalid_onion_payload', type: 14n, offset: 4 }, '40160e0004'],
  [{ name: 'invalid_onion_payload', type: 5482373484n, offset: 0 }, '4016ff0000000146c6616c0000'],
  [{ name: 'mpp_timeout' }, '0017'],
  [{ name: 'invalid_onion_blinding', sha256_of_onion }, `c018${hex(hash)}`],
  [{ name: 'unknown', code: 0x40ff, data: unhex('0102') }, '40ff0102'],
];

const named = rows.map(([failure, wire]) => ({ name: failure.name, failure, wire }));

describe('a failure', () => {
  test.each(named)('failure $name is read and written as in BOLT 4: $wire', ({ failure, wire }) => {
    expect(hex(encodeFailure(failure))).toBe(wire);
    expect(decodeFailure(unhex(wire))).toEqual(failure);
    expect(failureCode(failure)).toBe(Number.parseInt(wire.slice(0, 4), 16));
  });

  test('every failure of the table is tested, and no two have the same code', () => {
    const tested = new Set(rows.map(([failure]) => failure.name));
    expect(Object.keys(failures).filter((name) => !tested.has(name as FailureName))).toEqual([]);
    const codes = Object.values(failures).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(named.filter(({ name }) => name !== 'unknown'))(
    'failure $name is read with bytes behind it: $wire',
    ({ failure, wire }) => {
      expect(decodeFailure(unhex(`${wire}fd84d103aabbcc`))).toEqual(failure);
    },
  );

  test('a channel_update in a failure without its message type is read with it', () => {
    expect(decodeFailure(unhex('10070003aabbcc'))).toEqual({
      name: 'temporary_channel_failure',
      channel_update: unhex('0102aabbcc'),
    });
  });

  test('a failure whose data are cut short keeps its code', () => {
    expect(decodeFailure(unhex('400f00000000'))).toEqual({ name: 'unknown', code: 0x400f, data: unhex('00000000') });
    expect(decodeFailure(unhex('10070004aa'))).toEqual({ name: 'unknown', code: 0x1007, data: unhex('0004aa') });
  });

  test('any bytes are read as a failure that is written to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 100 }), (bytes) => {
        const failure = decodeFailure(bytes);
        const again = encodeFailure(failure);
        expect(decodeFailure(again)).toEqual(failure);
        if (failure.name === 'unknown') expect(again).toEqual(bytes);
      }),
    );
    expect(decodeFailure(none)).toEqual({ name: 'unknown', code: 0, data: none });
    expect(decodeFailure(unhex('20'))).toEqual({ name: 'unknown', code: 0, data: unhex('20') });
  });

  test('a failure of a malformed onion is reported with its code, known or not', () => {
    const packet = new Uint8Array(1366).fill(1);
    const failure = malformed('invalid_onion_key', packet);
    expect(failure).toEqual({ name: 'invalid_onion_key', sha256_of_onion: sha256(packet) });
    expect(failureOfMalformed(failureCode(failure), failure.sha256_of_onion)).toEqual(failure);
    expect(failureOfMalformed(0x8099, hash)).toEqual({ name: 'unknown', code: 0x8099, data: hash });
  });
});
