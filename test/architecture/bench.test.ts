/** The bench harness prints what it was given, and its list leaves no bench out. Nothing here measures time. */
import { describe, expect, test } from 'vitest';
import { median } from '../bench/harness.ts';
import { figureText, renderTable } from '../bench/table.ts';
import { sources } from '../support/tree.ts';

test('every file that exports a bench stands in the list', () => {
  const files = sources(['test']).filter(({ path }) => path.startsWith('test/bench/'));
  const main = files.find(({ path }) => path === 'test/bench/main.ts')?.text ?? '';
  const benches = files.filter(({ text }) => /^export const bench\b/m.test(text)).map(({ path }) => path.slice(11));
  expect(benches).toContain('crypto.ts');
  for (const file of benches) expect(main).toContain(`from './${file}'`);
});

describe('tables', () => {
  test('columns are aligned, and a missing figure shows as a dash', () => {
    const cells = new Map([
      ['sign', new Map([['native', 28_800]])],
      [
        'verify',
        new Map([
          ['native', 23_200],
          ['noble', 0.5],
        ]),
      ],
    ]);
    expect(renderTable('secp256k1 (per second)', cells)).toEqual([
      'secp256k1 (per second)',
      '          native  noble',
      '  sign    28,800      -',
      '  verify  23,200    0.5',
    ]);
  });

  test.each([
    [1_234_567.8, '1,234,568'],
    [100.4, '100'],
    [99.96, '100'],
    [12.345, '12.3'],
    [0.012345, '0.0123'],
    [0, '0'],
  ])('%d is shown as %s', (figure, text) => {
    expect(figureText(figure)).toBe(text);
  });
});

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
])('the median of %j is %d', (figures, middle) => {
  expect(median(figures)).toBe(middle);
});
