/** Fee rates as people write them: every form Core Lightning knows, and sat/vB, exact and rounded up. */
import { describe, expect, test } from 'vitest';
import { feerateFrom } from '../../../node/base/amounts.ts';

describe('a fee rate', () => {
  test.each([
    ['1000perkw', 1000],
    ['4000perkb', 1000],
    [4000, 1000],
    ['4000', 1000],
    ['4001perkb', 1001],
    ['4sat/vb', 1000],
    ['4 sat/vB', 1000],
    ['2.5sat/vbyte', 625],
    ['1.013sat/vb', 254],
    // 1 sat/vB as others round it, and less, is the least that is relayed.
    ['1000perkb', 253],
    ['1sat/vb', 253],
    ['0perkb', 253],
    ['0', 253],
    ['250perkw', 253],
    ['2500000perkw', 2_500_000],
  ] as const)('a fee rate of %s is %i sat per 1,000 weight', (given, perkw) => {
    expect(feerateFrom(given)).toEqual({ perkw, given: String(given) });
  });

  test.each([
    ['urgent', 6],
    ['normal', 12],
    ['slow', 100],
    ['1blocks', 1],
    ['1008blocks', 1008],
  ] as const)('the fee rate %s is an estimate for %i blocks', (given, blocks) => {
    expect(feerateFrom(given)).toEqual({ blocks, given });
  });

  test.each([
    ['10001sat/vb', 'at most 2500000perkw (10000sat/vb), not 10001sat/vb'],
    ['10000004perkb', 'at most 2500000perkw (10000sat/vb), not 10000004perkb'],
    ['0blocks', 'a number of blocks from 1 to 1008, not 0blocks'],
    ['fast', '"6blocks", "5sat/vb"'],
    ['1.5perkb', '"6blocks", "5sat/vb"'],
    ['-1', '"6blocks", "5sat/vb"'],
    ['toString', '"6blocks", "5sat/vb"'],
    [1.5, '"6blocks", "5sat/vb"'],
    [{}, '"6blocks", "5sat/vb"'],
  ])('the fee rate %s is refused with the text that the caller gave', (given, words) => {
    expect(() => feerateFrom(given)).toThrow(words);
  });
});
