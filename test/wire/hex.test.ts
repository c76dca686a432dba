/** Hexadecimal texts, which are the keys of most maps. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { hex, unhex } from '../../wire/bytes.ts';

test('a text of bytes reads back as those bytes', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(hex(all).slice(0, 36)).toBe('000102030405060708090a0b0c0d0e0f1011');
  expect(unhex(hex(all))).toEqual(all);
  expect(hex(new Uint8Array(0))).toBe('');
});

test('a key of 33 bytes takes little more memory than it has digits', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const count = 20_000;
  const keys = new Array<string>(count);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < count; i++) keys[i] = hex(new Uint8Array(33).fill(i & 0xff));
  collect();
  const each = (process.memoryUsage().heapUsed - before) / count;
  expect(keys.length).toBe(count);
  expect(each).toBeLessThan(300);
});
