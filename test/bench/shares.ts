/** Shares under each backend: dealt to the payer's HTLCs, and derived by the payee when its set becomes whole. */
import { schemeNames, schemes } from '../../amp/schemes.ts';
import { child } from '../../amp/shares.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat } from '../../wire/units.ts';
import { type Bench, type Scope, underEachBackend } from './harness.ts';

const entropy = sha256(Uint8Array.of(1));
const SIZES = [1, 16, 255] as const;

/** A payment dealt out whole: its book, and its hands in order. */
const dealt = (name: (typeof schemeNames)[number], size: number) => {
  const scheme = schemes[name];
  let book = scheme.open(entropy, size);
  const hands = Array.from({ length: size }, (_, i) => {
    const [hand, next] = scheme.deal(book, entropy, i === size - 1);
    book = next;
    return hand;
  });
  return { book, hands };
};

const measure = (scope: Scope, backend: string): void => {
  scope.rate('one child: preimage and hash', backend, () => child(entropy, 1));
  for (const name of schemeNames)
    for (const size of SIZES) {
      const deal = scope.rate(`${name}, ${size}: sets dealt`, backend, () => dealt(name, size));
      const { book, hands } = dealt(name, size);
      const { setId, root, accumulated } = book;
      const held = hands.map(({ index, shares }) => ({ paymentHash: child(root, index).paymentHash, shares }));
      const set = { setId, expected: size, count: size, accumulated, total: msat(0n), held };
      const judge = scope.rate(`${name}, ${size}: sets opened`, backend, () => {
        if (schemes[name].judge(set).kind !== 'complete') throw new Error('not complete');
      });
      if (size === SIZES.at(-1)) {
        scope.put(`${name}: shares dealt`, backend, deal * size);
        scope.put(`${name}: shares derived`, backend, judge * size);
      }
    }
};

export const bench: Bench = {
  name: 'shares',
  about: 'AMP shares dealt and derived under each backend',
  run: async (scope) => {
    scope.table('AMP shares');
    await underEachBackend((backend) => measure(scope, backend));
  },
};
