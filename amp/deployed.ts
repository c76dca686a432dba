/**
 * AMP as lnd deploys it, in records 8 and 14 of a TLV payload: how a child follows from root, share and index, how a payer hands
 * out shares and takes back those of HTLCs that failed, and how a payee opens a set. It is in no BOLT.
 */

import { equal, u32be, xor, zeros } from '../wire/bytes.ts';
import { sha256 } from '../wire/crypto.ts';
import { type PaymentHash, type Preimage, paymentHash, preimage } from '../wire/units.ts';
import type { SenderState, ShardShares, Share, Verdict } from './scheme.ts';
import { type Child, derive, SHARE_LENGTH } from './shares.ts';

/** What the API, logs and records call it. It is no EOB protocol, and so no row of the table of schemes. */
export const DEPLOYED = 'deployed' as const;

/** r = SHA-256(root || share || u32(index)) and h = SHA-256(r): root and share of 32 bytes each, an index of 32 bits. */
export const deployedChild = (root: Uint8Array, share: Uint8Array, index: number): Child => {
  const secret = sha256(root, share, u32be(index));
  return { preimage: preimage(secret), paymentHash: paymentHash(sha256(secret)) };
};

/** What of an HTLC held says its child. */
interface HeldChild {
  readonly paymentHash: PaymentHash;
  readonly shares: readonly Share[];
  readonly childIndex?: number | undefined;
}

/** The preimages of a set whose HTLCs come to what its payer announced; `root` is the xor of all shares. */
export const deployedVerdict = (root: Uint8Array, held: Iterable<HeldChild>): Verdict => {
  const preimages: Preimage[] = [];
  for (const { paymentHash: told, shares, childIndex } of held) {
    const child = deployedChild(root, shares[0]?.share ?? zeros(SHARE_LENGTH), childIndex ?? 0);
    // One that does not follow from the root spoils all: some share is not what its payer made.
    if (!equal(child.paymentHash, told)) return { kind: 'broken', why: 'wrong_hash' };
    preimages.push(child.preimage);
  }
  return { kind: 'complete', preimages };
};

/** A payment of which no share has been handed out, from 32 secret bytes. */
export const deployedSender = (entropy: Uint8Array): SenderState => ({
  root: derive(entropy, 'amp root', 0),
  setId: derive(entropy, 'amp set_id', 0),
  ...{ size: 0, made: 0, accumulated: zeros(SHARE_LENGTH), isComplete: false },
});

/** The index of an attempt, 32 bits: another for each, so that an HTLC that is sent again has another payment hash. */
const indexOf = (entropy: Uint8Array, attempt: number): number => {
  const [a = 0, b = 0, c = 0, d = 0] = derive(entropy, 'amp index', attempt);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
};

/**
 * A share for an attempt: random, or all that is left where every other HTLC of the payment has one (`last`). Shares handed out so
 * far are in `accumulated`. Throws RangeError where nothing is left.
 */
export const handOut = (
  sender: SenderState,
  entropy: Uint8Array,
  attempt: number,
  last: boolean,
): readonly [ShardShares, SenderState] => {
  if (equal(sender.root, sender.accumulated)) throw new RangeError('every share of this payment is handed out');
  const share = last ? xor(sender.root, sender.accumulated) : derive(entropy, 'amp share', attempt);
  const accumulated = xor(sender.accumulated, share);
  const index = indexOf(entropy, attempt);
  return [
    { index, shares: [{ share, marker: 0 }] },
    { ...sender, made: sender.made + 1, accumulated },
  ];
};

/** The share of an HTLC that failed is handed out again, whole or in pieces. */
export const takeBack = (sender: SenderState, { shares }: ShardShares): SenderState => ({
  ...sender,
  accumulated: shares.reduce((sum, { share }) => xor(sum, share), sender.accumulated),
});
