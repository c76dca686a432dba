/**
 * EOB protocols 1 `fixed` and 2 `dynamic`: BP is the xor of all shares and the set is complete with n of them. In 1
 * every marker is n; in 2 only the last share tells it, so that until then a share can still be split.
 */
import { equal, hex, xor, zeros } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto.ts';
import type { Preimage } from '../wire/units.ts';
import type { ReceivedShares, Scheme, SenderState, ShardShares, Verdict } from './scheme.ts';
import { child, derive, SHARE_LENGTH } from './shares.ts';

const broken = (why: Extract<Verdict, { kind: 'broken' }>['why']): Verdict => ({ kind: 'broken', why });

/** Every HTLC must be one of the n children; which one is not sent, so all are derived. */
const preimagesOf = (set: ReceivedShares): Verdict => {
  const children = new Map<string, Preimage>();
  for (let index = 1; index <= set.expected; index++) {
    const { paymentHash, preimage } = child(set.accumulated, index);
    children.set(hex(paymentHash), preimage);
  }
  const preimages = Array.from(set.held(), ({ paymentHash }) => children.get(hex(paymentHash)));
  return preimages.includes(undefined) ? broken('wrong_hash') : { kind: 'complete', preimages };
};

const counted = (set: ReceivedShares): 'short' | 'whole' | 'over' => {
  if (set.expected === 0 || set.count < set.expected) return 'short';
  return set.count === set.expected ? 'whole' : 'over';
};

const newSender = (root: Uint8Array, setId: Uint8Array, size: number): SenderState => ({
  root,
  setId,
  size,
  made: 0,
  accumulated: zeros(SHARE_LENGTH),
  isComplete: false,
});

/** One more share: the one that is left over when it is the last, otherwise a random one. */
const nextShare = (sender: SenderState, entropy: Uint8Array, last: boolean): readonly [Uint8Array, SenderState] => {
  if (sender.isComplete) throw new RangeError('every share of this payment has been made');
  const made = sender.made + 1;
  const share = last ? xor(sender.root, sender.accumulated) : derive(entropy, 'amp share', made);
  return [share, { ...sender, made, accumulated: xor(sender.accumulated, share), isComplete: last }];
};

/** Protocol 1. The last shard takes all shares that are left, as further blobs. */
export const fixed: Scheme = {
  name: 'fixed',
  protocol: 1,
  fields: {
    setId: 'random, the same in all',
    share: 'BP is the xor of all shares',
    marker: (marker) => `${marker} share${marker === 1 ? '' : 's'} in all`,
  },
  fixesCount: true,
  lastEndsSplitting: false,
  furtherBlobs: true,
  needsAny: false,
  interpolates: false,
  markerIsIndex: false,
  leastMarker: 0,
  expectedCount: (expected, marker) => {
    if (marker === 0) return 'bad_marker';
    return expected === 0 || expected === marker ? marker : 'count_mismatch';
  },
  verdict: (set) => {
    const state = counted(set);
    if (state === 'over') return broken('count_mismatch');
    return state === 'short' ? { kind: 'incomplete' } : preimagesOf(set);
  },
  begin: (entropy, size) => newSender(derive(entropy, 'amp root', 0), derive(entropy, 'amp set_id', 0), size),
  nextShard: (sender, entropy, last) => {
    const index = sender.made + 1;
    const upTo = last ? sender.size : index;
    const shares: ShardShares['shares'][number][] = [];
    let next = sender;
    while (next.made < upTo) {
      const [share, after] = nextShare(next, entropy, next.made + 1 === sender.size);
      shares.push({ share, marker: sender.size });
      next = after;
    }
    if (shares.length === 0) throw new RangeError('every share of this payment has been made');
    return [{ index, shares }, next];
  },
  split: () => undefined,
};

/** Protocol 2. set_id = SHA-256(BP), so a set that adds up to something else is known to be wrong. */
export const dynamic: Scheme = {
  name: 'dynamic',
  protocol: 2,
  fields: {
    setId: 'H(BP)',
    share: 'BP is the xor of all shares',
    marker: (marker) => (marker === 0 ? 'more shares follow' : `the last of ${marker}`),
  },
  fixesCount: false,
  lastEndsSplitting: true,
  furtherBlobs: true,
  needsAny: false,
  interpolates: false,
  markerIsIndex: false,
  leastMarker: 0,
  expectedCount: (expected, marker) => {
    if (marker === 0) return expected;
    return expected === 0 || expected === marker ? marker : 'count_mismatch';
  },
  verdict: (set) => {
    const state = counted(set);
    if (state === 'over') return broken('count_mismatch');
    if (state === 'short') return { kind: 'incomplete' };
    return equal(sha256(set.accumulated), set.setId) ? preimagesOf(set) : broken('wrong_root');
  },
  begin: (entropy) => {
    const root = derive(entropy, 'amp root', 0);
    return newSender(root, sha256(root), 0);
  },
  nextShard: (sender, entropy, last, blobs = 1) => {
    const index = sender.made + 1;
    const count = sender.made + blobs;
    const shares: ShardShares['shares'][number][] = [];
    let next = sender;
    while (next.made < count) {
      const isLast = last && next.made + 1 === count;
      const [share, after] = nextShare(next, entropy, isLast);
      shares.push({ share, marker: isLast ? count : 0 });
      next = after;
    }
    return [{ index, shares }, next];
  },
  split: (sender, entropy, { index, shares }) => {
    const [whole] = shares;
    if (sender.isComplete || whole === undefined) return undefined;
    const added = sender.made + 1;
    const half = derive(entropy, 'amp split', added);
    return [
      { index, shares: [{ share: half, marker: 0 }] },
      { index: added, shares: [{ share: xor(whole.share, half), marker: 0 }] },
      { ...sender, made: added },
    ];
  },
};
