/** Payloads that others wrote for the hops of an onion: those of the published onions, and what no hop could read. */
import { describe, expect, test } from 'vitest';
import { writeFrame } from '../../onion/eobframe.ts';
import { lengthPrefixed, readPayload } from '../../onion/rawpayload.ts';
import { concat, unhex, zeros } from '../../wire/bytes.ts';
import { cases } from './cases.ts';

const hops = cases.flatMap(({ name, hops }) => hops.map(({ data }, i) => [name, i, data] as const));

test.each(hops)('the payload of %s, hop %i, is read from its bytes', (_, __, data) => {
  const raw = data.kind === 'tlv' ? lengthPrefixed(data.stream) : writeFrame(data.frame, zeros(32));
  expect(readPayload(raw)).toEqual(data);
});

describe('no payload is', () => {
  const frame = zeros(65);
  const announcing = zeros(65);
  announcing[21] = 0x01;
  test.each([
    ['nothing', zeros(0)],
    ['a TLV stream with something behind its length', unhex('02ffff00')],
    ['a TLV stream shorter than its length', unhex('03ffff')],
    ['a length of 1, which is reserved', unhex('01ff')],
    ['a length that is not in its shortest form', unhex('fd0002ffff')],
    ['a frame of 64 bytes', frame.subarray(1)],
    ['a frame with blobs that its signal byte does not announce', concat(frame, zeros(65))],
    ['a frame whose blobs are missing', announcing],
    ['a frame with an HMAC', concat(frame.subarray(0, 64), unhex('01'))],
  ])('%s is no payload of a hop', (_, raw) => {
    expect(() => readPayload(raw)).toThrow(RangeError);
  });
});
