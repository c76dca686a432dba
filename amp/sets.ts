/**
 * A set: the HTLCs that belong together, what they add up to, and how far they have come. The same shape serves an AMP, whose
 * scheme says when it is complete, and an ordinary payment (BOLT 4, "Basic Multi-Part Payments"), which is complete by amount.
 */

import { equal, hex, xor, zeros } from '../wire/bytes.ts';
import { addMsat, type Msat, msat, type PaymentHash, type Point, type Preimage } from '../wire/units.ts';
import { deployedVerdict } from './deployed.ts';
import type { Remembered } from './endedsets.ts';
import type { HtlcKey, Refusal, SetView } from './events.ts';
import { type GrowingPolynomial, noPolynomial, withPoint } from './gf256.ts';
import type { FinalPayload, ReceiverContext, ReceiverInput } from './io.ts';
import type { Schemes, Share, Verdict } from './scheme.ts';
import { SHARE_LENGTH } from './shares.ts';
import { VersionedMap } from './versions.ts';

export type HtlcInput = Extract<ReceiverInput, { type: 'htlc' }>;

/** What we decided about one HTLC. It stays on record until the channel has seen it through. */
export type HtlcResolution =
  | { readonly kind: 'held' }
  | { readonly kind: 'claimed'; readonly preimage: Preimage }
  | { readonly kind: 'refused'; readonly why: Refusal };

/** One HTLC of a set. */
export interface Part {
  readonly key: HtlcKey;
  readonly peer: Point;
  readonly amount: Msat;
  readonly expiry: number;
  readonly paymentHash: PaymentHash;
  /** None for an ordinary payment. */
  readonly shares: readonly Share[];
  /** Of record 14: 32 bits. */
  readonly childIndex?: number | undefined;
  /** Place in the order of arrival. */
  readonly order: number;
  readonly resolution: HtlcResolution;
}

export type Content =
  | { readonly kind: 'eob'; readonly scheme: string; readonly paymentId: Uint8Array }
  | { readonly kind: 'deployed'; readonly paymentSecret: Uint8Array }
  | { readonly kind: 'ordinary' };

export type Phase =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'settled' }
  | { readonly kind: 'failed'; readonly why: Refusal };

export interface Sums {
  /** What arrived with the HTLCs, whatever their onions say. */
  readonly arrived: Msat;
  /** The lowest cltv_expiry of them, a block height. */
  readonly expiry: number;
  /** Their payment hashes and markers, by `hashKey` and `markerKey`. */
  readonly known: VersionedMap<true>;
  /** Through their shares, of a scheme that interpolates. Undefined also after a restart, until the next share comes. */
  readonly polynomial: GrowingPolynomial | undefined;
}

const noSums: Sums = {
  arrived: msat(0n),
  expiry: Number.MAX_SAFE_INTEGER,
  known: VersionedMap.of(),
  polynomial: undefined,
};

const hashKey = (hash: PaymentHash): string => hex(hash);
const markerKey = (marker: number): string => `marker ${marker}`;

const withPart = ({ arrived, expiry, known }: Sums, part: Part, polynomial?: GrowingPolynomial): Sums => {
  let keys = known.set(hashKey(part.paymentHash), true);
  for (const { marker } of part.shares) keys = keys.set(markerKey(marker), true);
  return { arrived: addMsat(arrived, part.amount), expiry: Math.min(expiry, part.expiry), known: keys, polynomial };
};

const throughShares = (polynomial: GrowingPolynomial, shares: readonly Share[]): GrowingPolynomial =>
  shares.reduce((so, { share, marker }) => withPoint(so, { x: marker, value: share }), polynomial);

/** The polynomial through the shares of a set and these: from the one kept, which a restart or an HTLC that goes loses. */
const grown = ({ sums, parts }: HeldSet, shares: readonly Share[]): GrowingPolynomial => {
  const held = sums?.polynomial ?? [...parts.values()].reduce((so, one) => throughShares(so, one.shares), noPolynomial);
  return throughShares(held, shares);
};

/** What the HTLCs of a set come to. */
export const sumsOf = (parts: Iterable<Part>): Sums => {
  let sums: Sums = { ...noSums, known: VersionedMap.of() };
  for (const part of parts) sums = withPart(sums, part);
  return sums;
};

/** Whether an HTLC of a set has this payment hash, or a share with this marker. */
export const hasHash = ({ sums }: HeldSet, hash: PaymentHash): boolean => sums?.known.has(hashKey(hash)) === true;
export const hasMarker = ({ sums }: HeldSet, marker: number): boolean => sums?.known.has(markerKey(marker)) === true;

export interface HeldSet {
  /** 32 bytes: set_id, or payment hash of an ordinary payment. */
  readonly id: Uint8Array;
  readonly content: Content;
  readonly phase: Phase;
  /** The node's name of the invoice it pays. */
  readonly invoice: string | undefined;
  /** What must be there in sum before anything is claimed. */
  readonly asked: Msat | undefined;
  /** Shares the set will have; 0 while unknown. */
  readonly expected: number;
  /** Shares, or HTLCs of an ordinary payment. */
  readonly count: number;
  /** The xor of all shares. */
  readonly accumulated: Uint8Array;
  /** What counts towards `asked`. */
  readonly total: Msat;
  /** Unix seconds. */
  readonly firstSeen: number;
  /** Who sent its first HTLC. */
  readonly peer: Point;
  /** By `htlcName`, in order of arrival. */
  readonly parts: VersionedMap<Part>;
  /** While more of it may come: what its HTLCs come to, so that one more costs the same however many there are. */
  readonly sums: Sums | undefined;
}

/** Whether more of it may come. */
export const isIncomplete = (set: HeldSet): boolean => set.phase.kind === 'incomplete';

/** Names an HTLC among those of all channels: `CHANNEL KEY/HTLC ID`. */
export const htlcName = ({ channel, id }: HtlcKey): string => `${channel}/${id}`;

/** Under which name the set of an HTLC is held. An AMP is found by set_id alone, an ordinary payment by its hash. */
export const setName = (payload: FinalPayload, paymentHash: PaymentHash): string => {
  switch (payload.kind) {
    case 'eob':
      return `eob-${hex(payload.blobs[0]?.setId ?? zeros(0))}`;
    case 'deployed':
      return `amp-${hex(payload.setId)}`;
    case 'ordinary':
      return `hash-${hex(paymentHash)}`;
  }
};

const idOf = (payload: FinalPayload, paymentHash: PaymentHash): Uint8Array => {
  if (payload.kind === 'ordinary') return paymentHash;
  return payload.kind === 'deployed' ? payload.setId : (payload.blobs[0]?.setId ?? zeros(SHARE_LENGTH));
};

const contentOf = (payload: FinalPayload): Content => {
  switch (payload.kind) {
    case 'eob':
      return { kind: 'eob', scheme: payload.scheme, paymentId: payload.paymentId };
    case 'deployed':
      return { kind: 'deployed', paymentSecret: payload.paymentSecret ?? zeros(32) };
    case 'ordinary':
      return { kind: 'ordinary' };
  }
};

/** The set an HTLC would begin, still without it. */
export const newSet = ({ payload, paymentHash, peer, invoice }: HtlcInput, now: number): HeldSet => ({
  id: idOf(payload, paymentHash),
  content: contentOf(payload),
  phase: { kind: 'incomplete' },
  invoice: invoice?.id,
  asked: payload.kind === 'eob' ? invoice?.amount : payload.total,
  expected: 0,
  count: 0,
  accumulated: zeros(SHARE_LENGTH),
  total: msat(0n),
  firstSeen: now,
  peer,
  parts: VersionedMap.of(),
  sums: sumsOf([]),
});

/** Whether an HTLC says it belongs to what the set is: payments are never mixed, whatever a set_id claims. */
export const belongs = ({ content }: HeldSet, payload: FinalPayload): boolean => {
  const said = contentOf(payload);
  if (content.kind === 'eob')
    return said.kind === 'eob' && said.scheme === content.scheme && equal(said.paymentId, content.paymentId);
  if (content.kind === 'deployed') return said.kind === 'deployed' && equal(said.paymentSecret, content.paymentSecret);
  return said.kind === 'ordinary';
};

/** What an HTLC carries towards the secret of its set. */
const sharesOf = (payload: FinalPayload): readonly Share[] => {
  if (payload.kind === 'ordinary') return [];
  return payload.kind === 'deployed'
    ? [{ share: payload.share, marker: 0 }]
    : payload.blobs.map(({ share, marker }) => ({ share, marker }));
};

/** The set with one more HTLC, its shares counted once; or what is wrong with them for the whole set. */
export const join = (
  set: HeldSet,
  input: HtlcInput,
  { limits, schemes }: Pick<ReceiverContext, 'limits' | 'schemes'>,
): HeldSet | Refusal => {
  const { key, peer, amount, expiry, paymentHash, payload } = input;
  const shares = sharesOf(payload);
  let { expected, accumulated } = set;
  const scheme = payload.kind === 'eob' ? schemes.get(payload.scheme) : undefined;
  if (scheme !== undefined)
    for (const { marker } of shares) {
      const told = scheme.expectedCount(expected, marker);
      if (typeof told === 'string') return told;
      expected = told;
    }
  for (const { share } of shares) accumulated = xor(accumulated, share);
  const count = set.count + Math.max(1, shares.length);
  if (expected > limits.shares || count > limits.shares) return 'too_many_shares';
  const part: Part = {
    ...{ key, peer, amount, expiry, paymentHash, shares },
    ...(payload.kind === 'deployed' && { childIndex: payload.childIndex }),
    order: set.parts.size,
    resolution: { kind: 'held' },
  };
  // BOLT 4 counts amt_to_forward towards total_msat; an AMP in EOBs, which tells no sum, counts what arrived.
  const total = addMsat(set.total, payload.kind === 'eob' ? amount : payload.amount);
  const sums = set.sums && withPart(set.sums, part, scheme?.interpolates === true ? grown(set, shares) : undefined);
  return { ...set, expected, count, accumulated, total, sums, parts: set.parts.set(htlcName(key), part) };
};

/** What arrived with the HTLCs of a set, whatever their onions say; nothing where there is none yet. */
export const arrivedOf = (set: HeldSet | undefined): Msat => set?.sums?.arrived ?? msat(0n);

/** Whether the set is complete, and its preimages. `preimage` is the invoice's, for an ordinary payment. */
export const verdictOn = (set: HeldSet, preimage: Preimage | undefined, schemes: Schemes): Verdict => {
  const held = () => set.parts.values();
  const enough = set.asked !== undefined && set.total >= set.asked;
  if (set.content.kind === 'ordinary') {
    const whole = preimage !== undefined && enough;
    return whole ? { kind: 'complete', preimages: [...held()].map(() => preimage) } : { kind: 'incomplete' };
  }
  if (set.content.kind === 'deployed')
    return enough ? deployedVerdict(set.accumulated, held()) : { kind: 'incomplete' };
  const { id: setId, expected, count, accumulated, total, sums } = set;
  const scheme = schemes.get(set.content.scheme);
  // Of a program that ran before with a scheme of its own.
  if (scheme === undefined) return { kind: 'incomplete' };
  const verdict = scheme.verdict({ setId, expected, count, accumulated, polynomial: sums?.polynomial, total, held });
  const tooLittle = verdict.kind === 'complete' && set.asked !== undefined && set.total < set.asked;
  return tooLittle ? { kind: 'broken', why: 'below_amount_asked' } : verdict;
};

/** The set with the resolutions that `decide` gives its HTLCs. */
export const decided = (set: HeldSet, phase: Phase, decide: (part: Part, i: number) => HtlcResolution): HeldSet => ({
  ...set,
  phase,
  parts: VersionedMap.of([...set.parts].map(([name, part], i) => [name, { ...part, resolution: decide(part, i) }])),
  sums: undefined,
});

/** Without one of its HTLCs. */
export const without = (set: HeldSet, htlc: string): HeldSet => {
  const parts = set.parts.delete(htlc);
  return { ...set, parts, sums: set.sums && sumsOf(parts.values()) };
};

/** The set for people. */
export const viewOf = (set: HeldSet): SetView => ({
  id: set.id,
  scheme: set.content.kind === 'eob' ? set.content.scheme : set.content.kind,
  phase: set.phase.kind,
  shares: set.count,
  expected: set.expected === 0 ? undefined : set.expected,
  total: set.total,
  asked: set.asked,
  invoice: set.invoice,
  firstSeen: set.firstSeen,
  htlcs: [...set.parts.values()].map(({ key, peer, amount, expiry, paymentHash, resolution }) => ({
    ...{ key, peer, amount, expiry, paymentHash },
    preimage: resolution.kind === 'claimed' ? resolution.preimage : undefined,
  })),
});

export interface Receiver {
  readonly sets: VersionedMap<HeldSet>;
  /** Which set an HTLC on record belongs to. */
  readonly owners: VersionedMap<string>;
  /** set_ids of settled sets that are off the record. */
  readonly remembered: Remembered;
  /** set_ids of sets that failed lately and are off the record. */
  readonly failed: Remembered;
}

/** One that has received nothing. */
export const emptyReceiver = (): Receiver => ({
  sets: VersionedMap.of(),
  owners: VersionedMap.of(),
  remembered: [],
  failed: [],
});
