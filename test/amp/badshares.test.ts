/** Shares that contradict their set, or cannot be any: each costs its own HTLC, and the set is paid all the same. */
import { describe, expect, test } from 'vitest';
import { schemeNames } from '../../amp/schemes.ts';
import { paymentHash } from '../../wire/units.ts';
import { at, bytes32, type Htlc, keyOf, peerOf, resolutions, run, WRONG, whys } from './receiver.ts';
import { amp, blobOf, withBlobs } from './sets.ts';

const set = (scheme: string, parts = 3): readonly Htlc[] => amp({ scheme, parts });
/** An HTLC under another key and hash. */
const forged = (htlc: Htlc, key: number): Htlc => ({ ...htlc, key: keyOf(key), paymentHash: paymentHash(bytes32(77)) });

describe.each(['tree', 'threshold'])('of a %s set', (scheme) => {
  test('a second HTLC for the same child is failed alone, whatever it carries', () => {
    const htlcs = set(scheme);
    const second = withBlobs(forged(at(htlcs, 0), 9), () => ({ share: bytes32(5) }));
    const receiver = run([at(htlcs, 0), second, at(htlcs, 1), at(htlcs, 2)]);
    expect(resolutions(receiver, 3)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(receiver.resolution(9)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['duplicate_index']);
  });

  test('an HTLC with two blobs is failed alone, since only one child can be meant', () => {
    const htlcs = set(scheme);
    const { payload, ...rest } = forged(at(htlcs, 1), 9);
    if (payload.kind !== 'eob') throw new Error('expected an AMP');
    const two = { ...rest, payload: { ...payload, blobs: [...payload.blobs, blobOf(at(htlcs, 2))] } };
    const receiver = run([at(htlcs, 0), two, at(htlcs, 1), at(htlcs, 2)]);
    expect(resolutions(receiver, 3)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(whys(receiver)).toEqual(['too_many_blobs']);
  });

  test('with a share of another payment is never complete, and goes back as a whole when its time is over', () => {
    const htlcs = set(scheme);
    const receiver = run([at(htlcs, 0), at(htlcs, 1), withBlobs(at(htlcs, 2), () => ({ share: bytes32(5) }))]);
    expect(resolutions(receiver, 3)).toEqual(['held', 'held', 'held']);
    receiver.tick(61);
    expect(resolutions(receiver, 3)).toEqual(['mpp_timeout', 'mpp_timeout', 'mpp_timeout']);
  });
});

test('a threshold share at x = 0, which would be the base preimage itself, is failed alone', () => {
  const htlcs = set('threshold');
  const zero = withBlobs(forged(at(htlcs, 0), 9), () => ({ marker: 0 }));
  const receiver = run([at(htlcs, 0), zero, at(htlcs, 1), at(htlcs, 2)]);
  expect(resolutions(receiver, 3)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(whys(receiver)).toEqual(['bad_marker']);
});

test('a threshold set of which one HTLC is no child goes back as a whole: its base preimage is known, and the hash is wrong', () => {
  const htlcs = set('threshold');
  const receiver = run([at(htlcs, 0), { ...at(htlcs, 1), paymentHash: paymentHash(bytes32(77)) }, at(htlcs, 2)]);
  expect(resolutions(receiver, 3)).toEqual([WRONG, WRONG, WRONG]);
  expect(whys(receiver)).toContain('wrong_hash');
});

test.each(
  schemeNames.flatMap((one) => schemeNames.filter((other) => other !== one).map((other) => [one, other] as const)),
)('a share under the set_id of a %s set that says scheme %s is failed alone', (scheme, other) => {
  const htlcs = set(scheme);
  const { payload, ...rest } = forged(at(htlcs, 1), 9);
  const said = { ...rest, payload: payload.kind === 'eob' ? { ...payload, scheme: other } : payload };
  const receiver = run([at(htlcs, 0), said, at(htlcs, 1), at(htlcs, 2)]);
  expect(resolutions(receiver, 3)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(whys(receiver)).toEqual(['set_mismatch']);
});

test.each(schemeNames)(
  'a share of a %s set that comes after it was claimed, over another peer too, is failed at once',
  (scheme) => {
    const htlcs = set(scheme);
    const receiver = run([...htlcs, { ...forged(at(htlcs, 0), 9), peer: peerOf(2) }]);
    expect(resolutions(receiver, 3)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(receiver.resolution(9)).toBe(WRONG);
    expect(whys(receiver)).toEqual(['already_settled']);
  },
);

test.each(schemeNames)('a %s set cannot grow beyond 255 shares: it goes back as a whole', (scheme) => {
  const [first] = set(scheme, 2);
  if (first === undefined) throw new Error('expected a share');
  const many = Array.from({ length: 256 }, (_, i): Htlc => {
    const htlc = { ...first, key: keyOf(i), paymentHash: paymentHash(bytes32(2000 + i)) };
    return withBlobs(htlc, () => ({
      share: bytes32(4000 + i),
      marker: scheme === 'fixed' ? 255 : scheme === 'dynamic' ? 0 : i,
    }));
  });
  const receiver = run(many, (one) => {
    one.checked = false;
  });
  expect(resolutions(receiver, 256).filter((resolution) => resolution === 'fulfilled')).toEqual([]);
  const held = [...receiver.state.sets.values()].filter(({ phase }) => phase.kind === 'incomplete');
  expect(held.every(({ count }) => count <= 255)).toBe(true);
});
