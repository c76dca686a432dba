/**
 * EOB protocols 1 `fixed` and 2 `dynamic`: BP is the xor of all shares and the set is whole when n of them are there. In 1
 * every marker is n; in 2 only the last share tells it, so that until then a share can still be split.
 */
import { equal, hex, xor, zeros } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto.ts';
import type { Preimage } from '../wire/units.ts';
import type { Book, Gathered, Hand, Scheme, Verdict } from './scheme.ts';
import { child, derive, SHARE_LENGTH } from './shares.ts';

const broken = (why: Extract<Verdict, { kind: 'broken' }>['why']): Verdict => ({ kind: 'broken', why });

/** Every HTLC must be one of the n children; which one is not sent, so all are derived. */
const open = (set: Gathered): Verdict => {
  const children = new Map<string, Preimage>();
  for (let index = 1; index <= set.expected; index++) {
    const { paymentHash, preimage } = child(set.accumulated, index);
    children.set(hex(paymentHash), preimage);
  }
  const preimages = set.held.map(({ paymentHash }) => children.get(hex(paymentHash)));
  return preimages.includes(undefined) ? broken('wrong_hash') : { kind: 'complete', preimages };
};

const counted = (set: Gathered): 'short' | 'whole' | 'over' => {
  if (set.expected === 0 || set.count < set.expected) return 'short';
  return set.count === set.expected ? 'whole' : 'over';
};

const newBook = (root: Uint8Array, setId: Uint8Array, size: number): Book => ({
  root,
  setId,
  size,
  dealt: 0,
  accumulated: zeros(SHARE_LENGTH),
  closed: false,
});

/** One more share: the one that is left over when it is the last, otherwise a random one. */
const draw = (book: Book, entropy: Uint8Array, last: boolean): readonly [Uint8Array, Book] => {
  if (book.closed) throw new RangeError('every share of this payment has been dealt');
  const dealt = book.dealt + 1;
  const share = last ? xor(book.root, book.accumulated) : derive(entropy, 'amp share', dealt);
  return [share, { ...book, dealt, accumulated: xor(book.accumulated, share), closed: last }];
};

/** Protocol 1. The last hand takes all shares that are left, as further blobs. */
export const fixed: Scheme = {
  name: 'fixed',
  protocol: 1,
  expect: (expected, marker) => {
    if (marker === 0) return 'bad_marker';
    return expected === 0 || expected === marker ? marker : 'count_mismatch';
  },
  judge: (set) => {
    const state = counted(set);
    if (state === 'over') return broken('count_mismatch');
    return state === 'short' ? { kind: 'incomplete' } : open(set);
  },
  open: (entropy, size) => newBook(derive(entropy, 'amp root', 0), derive(entropy, 'amp set_id', 0), size),
  deal: (book, entropy, last) => {
    const index = book.dealt + 1;
    const upTo = last ? book.size : index;
    const shares: Hand['shares'][number][] = [];
    let next = book;
    while (next.dealt < upTo) {
      const [share, after] = draw(next, entropy, next.dealt + 1 === book.size);
      shares.push({ share, marker: book.size });
      next = after;
    }
    if (shares.length === 0) throw new RangeError('every share of this payment has been dealt');
    return [{ index, shares }, next];
  },
  split: () => undefined,
  closesWithLast: false,
};

/** Protocol 2. set_id = SHA-256(BP), so a set that adds up to something else is known to be wrong. */
export const dynamic: Scheme = {
  name: 'dynamic',
  protocol: 2,
  expect: (expected, marker) => {
    if (marker === 0) return expected;
    return expected === 0 || expected === marker ? marker : 'count_mismatch';
  },
  judge: (set) => {
    const state = counted(set);
    if (state === 'over') return broken('count_mismatch');
    if (state === 'short') return { kind: 'incomplete' };
    return equal(sha256(set.accumulated), set.setId) ? open(set) : broken('wrong_root');
  },
  open: (entropy) => {
    const root = derive(entropy, 'amp root', 0);
    return newBook(root, sha256(root), 0);
  },
  deal: (book, entropy, last) => {
    const [share, next] = draw(book, entropy, last);
    return [{ index: next.dealt, shares: [{ share, marker: last ? next.dealt : 0 }] }, next];
  },
  split: (book, entropy, { index, shares }) => {
    const [whole] = shares;
    if (book.closed || whole === undefined) return undefined;
    const added = book.dealt + 1;
    const half = derive(entropy, 'amp split', added);
    return [
      { index, shares: [{ share: half, marker: 0 }] },
      { index: added, shares: [{ share: xor(whole.share, half), marker: 0 }] },
      { ...book, dealt: added },
    ];
  },
  closesWithLast: true,
};
