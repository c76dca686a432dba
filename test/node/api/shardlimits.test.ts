/** How many HTLCs `pay` and `keysend` let a payment have. */
import { expect, test } from 'vitest';
import { terms } from '../../../node/api/methods/payments/terms.ts';
import { zeros } from '../../../wire/bytes.ts';
import { msat } from '../../../wire/units.ts';
import { outlet, started } from '../../amp/byhand.ts';
import { ampRequest } from '../../amp/payer.ts';

const maxShards = (given: { readonly shards?: number; readonly redundancy?: number }): number => {
  const node = { now: () => 0, ports: { entropy: { bytes: zeros } } } as unknown as Parameters<typeof terms>[0];
  return terms(node, msat(1_000_000n), { retry_for: 60, maxdelay: 2016, ...given }).maxShards;
};

test.each([
  ['64 where none is wanted', {}, 64],
  ['one where one is wanted', { shards: 1 }, 1],
  ['one and the spare ones', { shards: 1, redundancy: 3 }, 4],
  ['more than 64 where more are wanted', { shards: 100 }, 100],
  ['as many as are wanted and the spare ones on top', { shards: 64, redundancy: 10 }, 74],
  ['twice as many as the spare ones and one, so that those come to half the amount', { redundancy: 40 }, 121],
  ['no more than a child index can name', { shards: 200, redundancy: 100 }, 255],
])('a payment may have %s', (_, given, most) => {
  expect(maxShards(given)).toBe(most);
});

test.each([
  [22, 67],
  [84, 253],
])('%i spare HTLCs stay within half of the amount, which bounds them where no bound is given', (redundancy, count) => {
  const outlets = [{ ...outlet(1, 10_000_000n), slots: 483 }];
  const request = {
    ...ampRequest({ scheme: 'threshold', redundancy, maxOverpayment: msat(500_000n), maxFee: msat(0n) }),
    maxShards: maxShards({ redundancy }),
  };
  expect(started(request, outlets).query?.amount).toBe(BigInt(Math.ceil(1_000_000 / (count - redundancy))));
});

test('more spare HTLCs than fit half of the amount are refused with the overpayment that they take', () => {
  const request = {
    ...ampRequest({ scheme: 'threshold', redundancy: 86, maxOverpayment: msat(500_000n), maxFee: msat(0n) }),
    maxShards: maxShards({ redundancy: 86 }),
  };
  expect(started(request, [{ ...outlet(1, 10_000_000n), slots: 483 }]).result).toMatchObject({
    reason: { code: 'bad_request', field: 'maxoverpayment', expected: '509090 msat or more for 86 spare shards' },
  });
});

test.each([
  ['354 sat, which is the least dust limit', 1_000_000n, undefined, 354_000n],
  ['354 sat where as many HTLCs as are wanted are larger', 1_000_000n, 2, 354_000n],
  ['as small as they must be for as many as are wanted', 1_000_000n, 4, 250_000n],
  ['1 sat where more are wanted than there are satoshi', 10_000n, 20, 1_000n],
  ['354 sat where one alone is wanted', 10_000n, 1, 354_000n],
])('the parts of a payment are no smaller than %s', (_, amount, shards, least) => {
  const node = { now: () => 0, ports: { entropy: { bytes: zeros } } } as unknown as Parameters<typeof terms>[0];
  expect(terms(node, msat(amount), { retry_for: 60, maxdelay: 2016, shards }).minShard).toBe(least);
});
