/** Hexadecimal texts, which are the keys of most maps. */
import { expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';
import { bytesInUse } from '../support/garbage.ts';

test('a text of bytes reads back as those bytes', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(hex(all).slice(0, 36)).toBe('000102030405060708090a0b0c0d0e0f1011');
  expect(unhex(hex(all))).toEqual(all);
  expect(hex(new Uint8Array(0))).toBe('');
});

test('a key of 33 bytes takes little more memory than it has digits', () => {
  const count = 20_000;
  const keys = new Array<string>(count);
  const before = bytesInUse();
  for (let i = 0; i < count; i++) keys[i] = hex(new Uint8Array(33).fill(i & 0xff));
  const each = (bytesInUse() - before) / count;
  expect(keys.length).toBe(count);
  expect(each).toBeLessThan(300);
});
