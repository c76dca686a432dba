/** CRC32C and the checksums of channel_updates: published values. */
import { describe, expect, test } from 'vitest';
import { concat, unhex, utf8 } from '../../wire/bytes.ts';
import { channelUpdateChecksum, crc32c } from '../../wire/checksum.ts';
import published from '../vectors/bolt07-checksums.json' with { type: 'json' };

describe('CRC32C', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
  test.each([
    ['of nothing', new Uint8Array(0), 0],
    ['of 32 zero bytes', new Uint8Array(32), 0x8a9136aa],
    ['of 32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['of 32 bytes that go up', ascending, 0x46dd794e],
    ['of 32 bytes that go down', ascending.toReversed(), 0x113fdb5c],
    ['of nine digits', utf8('123456789'), 0xe3069283],
  ])('%s is as published', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test('of several parts is that of all of them in one', () => {
    expect(crc32c(utf8('1234'), utf8(''), utf8('56789'))).toBe(crc32c(utf8('123456789')));
  });
});

describe('the checksum of a channel_update', () => {
  for (const { update, checksum } of published.updates)
    test(`is as published: ${checksum}`, () => {
      expect(channelUpdateChecksum(unhex(update))).toBe(Number(`0x${checksum}`));
    });

  test('says nothing of its signature and its time, and all of the rest, fields of the future included', () => {
    const raw = unhex(published.updates[0]?.update ?? '');
    const [before, ...rest] = [raw, ...[...raw.keys()].map((at) => raw.with(at, (raw[at] ?? 0) ^ 1))].map(
      channelUpdateChecksum,
    );
    const silent = rest.flatMap((after, at) => (after === before ? [at] : []));
    const of = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    // The type, the signature, the timestamp.
    expect(silent).toEqual([...of(0, 66), ...of(106, 110)]);
    expect(channelUpdateChecksum(concat(raw, Uint8Array.of(1)))).not.toBe(before);
  });
});
