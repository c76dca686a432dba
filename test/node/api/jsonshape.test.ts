/** How deep and how much JSON a caller may send. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MOST_DEEP, MOST_VALUES, tooMuchIn } from '../../../node/api/rpc/jsonshape.ts';

/** Arrays in each other, with a value in the last. */
const nested = (deep: number): string => `${'['.repeat(deep)}0${']'.repeat(deep)}`;
const row = (values: number): string => `[${Array(values).fill('0').join(',')}]`;

test('as deep as is allowed is taken, and nothing deeper', () => {
  expect(tooMuchIn(nested(MOST_DEEP))).toBeUndefined();
  expect(tooMuchIn(nested(MOST_DEEP + 1))).toContain(`${MOST_DEEP} deep`);
  expect(tooMuchIn(`[${`${nested(MOST_DEEP - 1)},`.repeat(50)}0]`)).toBeUndefined();
});

test('as many values as are allowed are taken, and no more', () => {
  expect(tooMuchIn(row(MOST_VALUES - 1))).toBeUndefined();
  expect(tooMuchIn(row(MOST_VALUES))).toContain(`${MOST_VALUES} values`);
  expect(tooMuchIn('[],'.repeat(MOST_VALUES))).toContain('values');
});

test('what stands in texts does not count, wherever quotes and backslashes are', () => {
  const noise = fc
    .array(fc.constantFrom('[', '{', ',', '"', '\\', ']', 'a'), { maxLength: 200 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(noise, noise, fc.boolean(), (name, text, isDeep) => {
      const json = JSON.stringify({ [name]: text.repeat(200), inner: 0 });
      const whole = json.replace('"inner":0', `"inner":${nested(isDeep ? MOST_DEEP : MOST_DEEP - 1)}`);
      expect(tooMuchIn(whole) === undefined).toBe(!isDeep);
    }),
  );
});

test('a text that does not end hides nothing before it', () => {
  expect(tooMuchIn(`${'['.repeat(MOST_DEEP + 1)}"`)).toBeDefined();
  expect(tooMuchIn('["[[[')).toBeUndefined();
});
