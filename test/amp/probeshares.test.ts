/** A set whose last share is spoiled: its destination, which has all of it, can open none of its HTLCs. */
import { describe, expect, test } from 'vitest';
import { deployedChild, deployedSender, deployedVerdict } from '../../amp/deployed.ts';
import { spoiledBlobs, spoiledRecords } from '../../amp/probeshares.ts';
import { schemes } from '../../amp/schemes.ts';
import { decodeBlob, joined } from '../../amp/shares.ts';
import { hex } from '../../wire/bytes.ts';
import { bytes32 } from './receiver.ts';

describe.each([...schemes.values()])('a spoiled set of scheme $name', (scheme) => {
  const blobs = spoiledBlobs(scheme, bytes32(5), 4);
  test('has as many HTLCs as are wanted, each with a share, all of one set', () => {
    expect(blobs).toHaveLength(4);
    const shares = blobs.flat().map(decodeBlob);
    expect(new Set(shares.map(({ setId }) => hex(setId))).size).toBe(1);
    expect(shares.length).toBeGreaterThanOrEqual(4);
  });

  test('has the shares of the scheme but for the last HTLC, whose shares are other ones', () => {
    let sender = scheme.begin(bytes32(5), 4);
    const made = [1, 2, 3, 4].map((n) => {
      const [shard, next] = scheme.nextShard(sender, bytes32(5), n === 4);
      sender = next;
      return shard.shares.map(({ share }) => hex(share));
    });
    const sent = blobs.map((of) => of.map((blob) => hex(decodeBlob(blob).share)));
    expect(sent.slice(0, 3)).toEqual(made.slice(0, 3));
    for (const share of sent[3] ?? []) expect(made[3]).not.toContain(share);
  });
});

test("a spoiled set of lnd's AMP is broken to a destination that has all of it", () => {
  const records = spoiledRecords(bytes32(5), 4);
  expect([records.length, new Set(records.map(({ setId }) => hex(setId))).size]).toEqual([4, 1]);
  const root = joined(records.map(({ share }) => share));
  const held = records.map(({ share, childIndex }) => {
    const whole = deployedChild(deployedSender(bytes32(5)).root, share, childIndex);
    return { paymentHash: whole.paymentHash, shares: [{ share, marker: 0 }], childIndex };
  });
  expect(deployedVerdict(root, held)).toMatchObject({ kind: 'broken', why: 'wrong_hash' });
});
