/**
 * EOB protocol 3 `tree`: BP is split in two, and each half again, as often as there are shards. A share's marker is its place in
 * the tree and its child index, so any shard can be split at any time, and nothing has to be kept back. No count is sent: the
 * set is complete when every HTLC held is the child that its marker says, of the BP that all shares together give.
 */
import { equal, xor, zeros } from '../wire/bytes.ts';
import type { Preimage } from '../wire/units.ts';
import type { Scheme, ShardShares } from './scheme.ts';
import { child, derive, SHARE_LENGTH } from './shares.ts';

/** How often a share may have been split: its marker is one byte. */
const MAX_DEPTH = 8;

/** The half that keeps its parent's index. A place in the tree is split once at most, so its number is used once. */
const halfOf = (entropy: Uint8Array, index: number, depth: number): Uint8Array =>
  derive(entropy, 'amp split', depth * 256 + index);

/** From the root's share down to that of `index`, one more split each time. */
function* pathTo(entropy: Uint8Array, root: Uint8Array, index: number): Generator<Uint8Array> {
  let share = root;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    yield share;
    const half = halfOf(entropy, index % 2 ** depth, depth);
    share = Math.floor(index / 2 ** depth) % 2 === 0 ? half : xor(share, half);
  }
}

/** Splits that lead to place `index` of a tree of `size` leaves numbered 0 to size - 1, as level as can be. */
const depthOf = (index: number, size: number): number => {
  const level = Math.floor(Math.log2(size));
  return index < size - 2 ** level || index >= 2 ** level ? level + 1 : level;
};

const at = (index: number, share: Uint8Array): ShardShares => ({ index, shares: [{ share, marker: index }] });

export const tree: Scheme = {
  name: 'tree',
  protocol: 3,
  fields: {
    setId: 'random, the same in all',
    share: 'BP is the xor of all shares',
    marker: (marker) => `place ${marker} in the tree, and child ${marker}`,
  },
  fixesCount: false,
  lastEndsSplitting: false,
  furtherBlobs: false,
  needsAny: false,
  interpolates: false,
  markerIsIndex: true,
  leastMarker: 0,
  expectedCount: (expected) => expected,
  verdict: ({ accumulated, held }) => {
    const preimages: Preimage[] = [];
    for (const { paymentHash, shares } of held()) {
      const { preimage, paymentHash: expected } = child(accumulated, shares[0]?.marker ?? 0);
      if (!equal(paymentHash, expected)) return { kind: 'incomplete' };
      preimages.push(preimage);
    }
    return { kind: 'complete', preimages };
  },
  begin: (entropy, size) => ({
    root: derive(entropy, 'amp root', 0),
    setId: derive(entropy, 'amp set_id', 0),
    ...{ size, made: 0, accumulated: zeros(SHARE_LENGTH), isComplete: false },
  }),
  nextShard: (sender, entropy) => {
    const { root, size, made: index } = sender;
    if (index >= size) throw new RangeError('every share of this payment has been made');
    const path = [...pathTo(entropy, root, index)];
    const share = path[depthOf(index, size)] ?? root;
    return [
      at(index, share),
      { ...sender, made: index + 1, accumulated: xor(sender.accumulated, share), isComplete: index + 1 === size },
    ];
  },
  split: (sender, entropy, { index, shares }) => {
    const [whole] = shares;
    if (whole === undefined) return undefined;
    const depth = [...pathTo(entropy, sender.root, index)].findIndex((share) => equal(share, whole.share));
    if (depth < 0 || depth >= MAX_DEPTH) return undefined;
    const half = halfOf(entropy, index, depth);
    return [at(index, half), at(index + 2 ** depth, xor(whole.share, half)), sender];
  },
};
