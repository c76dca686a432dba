/**
 * A set for a probe: shares as a scheme makes them, but for the last, which is spoiled, so that the destination can open none of them
 * and fails all once it has all (`incorrect_or_unknown_payment_details`).
 */

import type { AmpRecord } from '../onion/payload.ts';
import { deployedSender, handOut } from './deployed.ts';
import type { Scheme, ShardShares } from './scheme.ts';
import { encodeBlob } from './shares.ts';

/** Another value in each byte. */
const spoilt = (share: Uint8Array): Uint8Array => share.map((byte) => byte ^ 0xff);

/**
 * The blobs of each of `count` HTLCs, 65 bytes each, from 32 secret bytes. Throws RangeError where the scheme does not make so many
 * shares.
 */
export const spoiledBlobs = (
  scheme: Scheme,
  entropy: Uint8Array,
  count: number,
): readonly (readonly Uint8Array[])[] => {
  let sender = scheme.begin(entropy, count);
  const shards: ShardShares[] = [];
  for (let n = 1; n <= count; n++) {
    const [shard, next] = scheme.nextShard(sender, entropy, n === count);
    shards.push(shard);
    sender = next;
  }
  const { setId } = sender;
  return shards.map(({ shares }, n) =>
    shares.map(({ share, marker }) => encodeBlob({ setId, share: n === count - 1 ? spoilt(share) : share, marker })),
  );
};

/** The same of lnd's AMP: record 14 of each of `count` HTLCs, from 32 secret bytes. */
export const spoiledRecords = (entropy: Uint8Array, count: number): readonly AmpRecord[] => {
  let sender = deployedSender(entropy);
  const { setId } = sender;
  const records: AmpRecord[] = [];
  for (let n = 0; n < count; n++) {
    const isLast = n === count - 1;
    const [{ index, shares }, next] = handOut(sender, entropy, n, isLast);
    for (const { share } of shares) records.push({ share: isLast ? spoilt(share) : share, setId, childIndex: index });
    sender = next;
  }
  return records;
};
