/** Every row of every message table: what it writes it reads, and what it cannot read it refuses with WireError. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, hex, u16be, unhex, zeros } from '../../wire/bytes.ts';
import { WireError, type WireFault } from '../../wire/codec.ts';
import { decodeMessage, encodeMessage, type Message, messages, type UnknownMessage } from '../../wire/message.ts';
import { channelId, MAX_MONEY } from '../../wire/units.ts';
import { anyMessage, arbitraryMessage, messageNames } from './arbitrary.ts';

/** What the decoder makes of bytes; anything it throws but WireError fails the test. */
const attempt = (bytes: Uint8Array): Message | UnknownMessage | WireFault => {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (error instanceof WireError) return error.fault;
    throw error;
  }
};
const isFault = (result: object): result is WireFault => 'code' in result;
/** What was decoded must be fit to be encoded, and mean the same then. */
const settle = (bytes: Uint8Array): void => {
  const result = attempt(bytes);
  if (!isFault(result)) expect(decodeMessage(encodeMessage(result))).toEqual(result);
};

describe.each(messageNames)('%s', (name) => {
  test(`${name} is read back from the wire as it was written`, () => {
    fc.assert(
      fc.property(arbitraryMessage(name, 'extended'), (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 30 },
    );
  });
  test('is refused when cut short anywhere', () => {
    fc.assert(
      fc.property(arbitraryMessage(name, 'bare'), (message) => {
        const bytes = encodeMessage(message);
        for (let length = 0; length < bytes.length; length++)
          if (!isFault(attempt(bytes.subarray(0, length)))) throw new Error(`accepted at ${length} bytes`);
      }),
      { numRuns: 2 },
    );
  });
  test('cut within its extension is refused, cut between records it is a shorter message', () => {
    fc.assert(
      fc.property(arbitraryMessage(name, 'extended'), (message) => {
        const bytes = encodeMessage(message);
        for (let length = 0; length < bytes.length; length++) {
          const part = bytes.subarray(0, length);
          const result = attempt(part);
          if (!isFault(result)) expect(encodeMessage(result)).toEqual(part);
        }
      }),
      { numRuns: 2 },
    );
  });
  test('is refused with an unknown even record', () => {
    fc.assert(
      fc.property(arbitraryMessage(name, 'bare'), (message) => {
        expect(attempt(concat(encodeMessage(message), unhex('fe0001000000')))).toEqual({
          code: 'unknown_even_type',
          type: 65536n,
        });
      }),
      { numRuns: 2 },
    );
  });
});

test('every type number belongs to one message', () => {
  const types = Object.values(messages).map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
});

describe('the extension of init (BOLT 1, appendix C)', () => {
  const base = { name: 'init', globalfeatures: zeros(0), features: zeros(0) };
  test('the TLV stream of init is optional', () => {
    expect(decodeMessage(unhex('001000000000'))).toEqual(base);
  });
  test('the TLV stream of init may have unknown odd records', () => {
    expect(decodeMessage(unhex('001000000000c9012acb0104'))).toEqual({
      ...base,
      unknown: [
        { type: 0xc9n, value: unhex('2a') },
        { type: 0xcbn, value: unhex('04') },
      ],
    });
  });
  test.each([
    ['00100000000001', 'truncated'],
    ['001000000000ca012a', 'unknown_even_type'],
    ['001000000000c90101c90102', 'out_of_order'],
  ])('an init with the TLV stream %s is %s', (bytes, code) => {
    expect(attempt(unhex(bytes))).toMatchObject({ code });
  });
});

describe('types nobody knows', () => {
  test('unknown messages of an odd type are returned undecoded', () => {
    expect(decodeMessage(unhex('8001abcd'))).toEqual({ name: 'unknown', type: 0x8001, payload: unhex('abcd') });
  });
  test('are refused when even', () => {
    expect(attempt(unhex('8000abcd'))).toEqual({ code: 'unknown_even_message', type: 0x8000 });
  });
});

describe('size', () => {
  const ping = (length: number): Message => ({ name: 'ping', num_pong_bytes: 0, ignored: zeros(length) });
  test('messages of 65535 bytes are read and written', () => {
    expect(decodeMessage(encodeMessage(ping(65529)))).toEqual(ping(65529));
  });
  test('65536 bytes are refused both ways', () => {
    expect(() => encodeMessage(ping(65530))).toThrow('65536 bytes, at most 65535 allowed');
    expect(attempt(zeros(65536))).toEqual({ code: 'too_long', limit: 65535, length: 65536 });
  });
});

test('an error of decoding names the message and the field', () => {
  expect(() => decodeMessage(concat(u16be(36), zeros(32), zeros(33)))).toThrow(
    'channel_ready.second_per_commitment_point: expected point',
  );
  const message: Message = { name: 'update_fee', channel_id: channelId(zeros(32)), feerate_per_kw: -1 };
  expect(() => encodeMessage(message)).toThrow('update_fee.feerate_per_kw');
});

describe('any bytes', () => {
  const types = fc.oneof(fc.constantFrom(...Object.values(messages).map(({ type }) => type)), fc.nat(65535));
  test('any bytes decode to a message or throw WireError', () => {
    const garbage = fc.tuple(types, fc.uint8Array({ maxLength: 400 }));
    fc.assert(
      fc.property(garbage, ([type, bytes]) => settle(concat(u16be(type), bytes))),
      { numRuns: 2000 },
    );
  });
  test('a message with changed bytes decodes to a message or throws WireError', () => {
    const edits = fc.array(fc.record({ at: fc.nat(2000), byte: fc.nat(255), cut: fc.nat(3) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(anyMessage, edits, (message, list) => {
        const bytes = list.reduce((run, { at, byte, cut }) => {
          const from = at % run.length;
          return concat(run.subarray(0, from), Uint8Array.of(byte), run.subarray(from + cut));
        }, encodeMessage(message));
        settle(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});

test.each([
  ['update_add_htlc', 'amount_msat', MAX_MONEY],
  ['open_channel', 'funding_satoshis', MAX_MONEY / 1000n],
  ['open_channel', 'push_msat', MAX_MONEY],
  ['open_channel', 'channel_reserve_satoshis', MAX_MONEY / 1000n],
  ['accept_channel', 'dust_limit_satoshis', MAX_MONEY / 1000n],
  ['closing_signed', 'fee_satoshis', MAX_MONEY / 1000n],
] as const)('%s speaks of no more bitcoin than there will be: %s', (name, field, most) => {
  const [sample] = fc.sample(arbitraryMessage(name, 'bare'), { numRuns: 1, seed: 7 });
  const raw = encodeMessage({ ...sample, [field]: most } as Message);
  expect(decodeMessage(raw)).toMatchObject({ [field]: most });
  const text = hex(raw);
  const amount = most.toString(16).padStart(16, '0');
  expect(text.split(amount)).toHaveLength(2);
  const more = unhex(text.replace(amount, (most + 1n).toString(16).padStart(16, '0')));
  expect(attempt(more)).toMatchObject({ code: 'invalid_value' });
});
