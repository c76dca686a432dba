/**
 * EOB protocol 4 `threshold`: the shares are points of polynomials whose value at 0 is BP (Shamir, byte by byte over GF(2^8)), so
 * any k of them give it, and more may be sent than are needed. k is not sent: the set is complete when H(BP) is its set_id. As
 * that is looked at with each share, exactly the first k HTLCs are claimed, and later ones find the set settled.
 */
import { equal, zeros } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto.ts';
import type { Preimage } from '../wire/units.ts';
import { interpolate, noPolynomial, type PolynomialPoint } from './gf256.ts';
import type { Scheme, SenderState } from './scheme.ts';
import { child, derive, SHARE_LENGTH } from './shares.ts';

/** As many shares as there are values of x beside 0. */
const MAX_SHARES = 255;

/** The share at `x`: random up to k - 1, which with BP at 0 makes the polynomial. */
const shareAt = ({ root, size }: SenderState, entropy: Uint8Array, x: number): Uint8Array => {
  const random = (at: number): Uint8Array => derive(entropy, 'amp share', at);
  if (x < size) return random(x);
  const points = Array.from(
    { length: size },
    (_, at): PolynomialPoint => ({ x: at, value: at === 0 ? root : random(at) }),
  );
  return interpolate(points, x);
};

export const threshold: Scheme = {
  name: 'threshold',
  protocol: 4,
  fields: {
    setId: 'H(BP)',
    share: 'a point of the polynomial that is BP at 0',
    marker: (marker) => `its x, and child ${marker}`,
  },
  fixesCount: false,
  lastEndsSplitting: false,
  furtherBlobs: false,
  needsAny: true,
  interpolates: true,
  markerIsIndex: true,
  leastMarker: 1,
  expectedCount: (expected) => expected,
  verdict: ({ setId, polynomial = noPolynomial, held }) => {
    const root = polynomial.atZero;
    if (!equal(sha256(root), setId)) return { kind: 'incomplete' };
    const preimages: Preimage[] = [];
    for (const { paymentHash, shares } of held()) {
      const { preimage, paymentHash: expected } = child(root, shares[0]?.marker ?? 0);
      if (!equal(paymentHash, expected)) return { kind: 'broken', why: 'wrong_hash' };
      preimages.push(preimage);
    }
    return { kind: 'complete', preimages };
  },
  begin: (entropy, size) => {
    const root = derive(entropy, 'amp root', 0);
    return { root, setId: sha256(root), size, made: 0, accumulated: zeros(SHARE_LENGTH), isComplete: false };
  },
  nextShard: (sender, entropy) => {
    const index = sender.made + 1;
    if (index > MAX_SHARES) throw new RangeError('every share of this payment has been made');
    const share = shareAt(sender, entropy, index);
    return [
      { index, shares: [{ share, marker: index }] },
      { ...sender, made: index },
    ];
  },
  split: () => undefined,
};
