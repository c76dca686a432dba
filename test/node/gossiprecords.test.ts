/** Records of the file of gossip: whole, or none. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_BODY, newSalt, recordAt, writeRecord } from '../../node/graph/gossiprecords.ts';

describe('a record', () => {
  test('is whole as it was written, and not with any bit changed', () => {
    const salt = newSalt({ bytes: (length) => new Uint8Array(length).fill(7) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 5 }), fc.nat(), (body, kind, at) => {
        const bytes = new Uint8Array(200);
        const length = writeRecord(bytes, 3, salt, kind, [body]);
        expect(recordAt(bytes, 3, 200, salt)).toBe(length);
        expect(recordAt(bytes, 3, 3 + length - 1, salt)).toBeUndefined();
        expect(recordAt(bytes, 3, 200, salt + 1)).toBeUndefined();
        const bit = at % (8 * length);
        const spoiled = 3 + (bit >> 3);
        bytes[spoiled] = (bytes[spoiled] ?? 0) ^ (1 << (bit & 7));
        expect(recordAt(bytes, 3, 3 + length, salt)).toBeUndefined();
      }),
    );
  });
  test('is not taken for one where it says that it is longer than any', () => {
    const bytes = new Uint8Array(2 * MAX_BODY);
    writeRecord(bytes, 0, 1, 1, [new Uint8Array(MAX_BODY + 1)]);
    expect(recordAt(bytes, 0, bytes.length, 1)).toBeUndefined();
  });
});
