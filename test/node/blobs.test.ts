/** Extra onion blobs that a caller gives a payment: how they are written in JSON and on the command line, and what is refused. */
import { expect, test } from 'vitest';
import { parametersOf } from '../../node/api/help.ts';
import { blobParam } from '../../node/api/methods/payments/blobs.ts';
import { table } from '../../node/api/table.ts';
import { paramsFrom } from '../../node/cli/words.ts';
import { hex } from '../../wire/bytes.ts';

const read = (...given: readonly string[]) =>
  blobParam.parse(given)?.map(({ hop, protocol, blobs }) => [hop, protocol, blobs.map(hex)]);
const zeros = (bytes: number): string => '00'.repeat(bytes);

test('blobs are filled with zeros to whole frames of 65 bytes', () => {
  expect(read('1:14:c0FFee', 'last:15:01')).toEqual([
    [1, 14, [`c0ffee${zeros(62)}`]],
    ['last', 15, [`01${zeros(64)}`]],
  ]);
  expect(read(`20:15:${'11'.repeat(66)}`)).toEqual([[20, 15, ['11'.repeat(65), `11${zeros(64)}`]]]);
  expect(read(`2:14:${'11'.repeat(1040)}`)?.[0]?.[2]).toHaveLength(16);
});

test.each([
  ['c0ffee', 'expected HOP:PROTOCOL:HEX, such as 1:14:c0ffee or last:14:c0ffee'],
  ['1:14:', 'expected HOP:PROTOCOL:HEX'],
  ['1:14:c0ff1', 'expected HOP:PROTOCOL:HEX'],
  ['first:14:c0ffee', 'expected HOP:PROTOCOL:HEX'],
  ['0:14:c0ffee', 'expected a hop from 1 to 20, or last'],
  ['21:14:c0ffee', 'expected a hop from 1 to 20, or last'],
  ['1:0:c0ffee', 'expected a protocol number from 1 to 15'],
  ['1:16:c0ffee', 'expected a protocol number from 1 to 15'],
  [`1:14:${zeros(1041)}`, 'expected 1 to 1040 bytes for hop 1'],
  [`last:14:${zeros(976)}`, 'expected 1 to 975 bytes for hop last'],
])('the blob %s is refused with what was expected', (given, expected) => {
  const { error } = blobParam.safeParse([given]);
  expect(error?.issues.map(({ message }) => message).join()).toContain(expected);
});

test('a payment takes 20 blob parameters, one for each hop that an onion can have, and no more', () => {
  const many = (count: number) => Array.from({ length: count }, () => '1:14:00');
  expect(blobParam.safeParse(many(20)).success).toBe(true);
  expect(blobParam.safeParse(many(21)).success).toBe(false);
});

test('a list parameter that is given several times on the command line is one list', () => {
  const words = (given: readonly string[], options = {}) =>
    paramsFrom(parametersOf(table.pay), given, options, 'guess')['blob'];
  expect(words(['blob=1:14:aa', 'blob=last:14:bb'])).toEqual(['1:14:aa', 'last:14:bb']);
  expect(words(['blob=1:14:aa,2:14:cc', 'blob=["last:14:bb"]'])).toEqual(['1:14:aa', '2:14:cc', 'last:14:bb']);
  expect(words([], { blob: ['1:14:aa', 'last:14:bb'] })).toEqual(['1:14:aa', 'last:14:bb']);
});
