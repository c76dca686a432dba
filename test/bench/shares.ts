/** Shares under each backend: made for the payer's HTLCs, and joined by the payee when its set becomes complete. */

import { noPolynomial, withPoint } from '../../amp/gf256.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { schemes } from '../../amp/schemes.ts';
import { child } from '../../amp/shares.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { type Bench, type Scope, underEachBackend } from './harness.ts';

const entropy = sha256(Uint8Array.of(1));
const SIZES = [1, 16, 255] as const;

/** All shards of a payment, in order, and what its payer keeps. */
const shardsOf = (scheme: Scheme, size: number) => {
  let sender = scheme.begin(entropy, size);
  const shards = Array.from({ length: size }, (_, i) => {
    const [shard, next] = scheme.nextShard(sender, entropy, i === size - 1);
    sender = next;
    return shard;
  });
  return { sender, shards };
};

const measure = (scope: Scope, backend: string): void => {
  scope.rate('one child: preimage and hash', backend, () => child(entropy, 1));
  for (const scheme of schemes.values())
    for (const size of SIZES) {
      const { name } = scheme;
      const made = scope.rate(`${name}, ${size}: sets made`, backend, () => shardsOf(scheme, size));
      const { sender, shards } = shardsOf(scheme, size);
      const { setId, root, accumulated } = sender;
      const parts = shards.map(({ index, shares }) => ({ paymentHash: child(root, index).paymentHash, shares }));
      const set = { setId, expected: size, count: size, accumulated, total: msat(0n), held: () => parts };
      const points = shards.flatMap(({ shares }) => shares.map(({ share, marker }) => ({ x: marker, value: share })));
      const opened = scope.rate(`${name}, ${size}: sets opened`, backend, () => {
        const polynomial = scheme.interpolates ? points.reduce(withPoint, noPolynomial) : undefined;
        if (scheme.verdict({ ...set, polynomial }).kind !== 'complete') throw new Error('not complete');
      });
      if (size === SIZES.at(-1)) {
        scope.put(`${name}: shares made`, backend, made * size);
        scope.put(`${name}: shares derived`, backend, opened * size);
      }
    }
};

export const bench: Bench = {
  name: 'shares',
  about: 'AMP shares made and derived under each backend',
  run: async (scope) => {
    scope.table('AMP shares');
    await underEachBackend((backend) => measure(scope, backend));
  },
};
