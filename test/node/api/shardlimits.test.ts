/** How many HTLCs `pay` and `keysend` let a payment have. */
import { expect, test } from 'vitest';
import { terms } from '../../../node/api/methods/payments/terms.ts';
import { zeros } from '../../../wire/bytes.ts';
import { msat } from '../../../wire/units.ts';

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
  ['no more than a child index can name', { shards: 200, redundancy: 100 }, 255],
])('a payment may have %s', (_, given, most) => {
  expect(maxShards(given)).toBe(most);
});
