/** Random routes for property tests: nodes, hop data of every kind, onions that fit. */
import fc from 'fast-check';
import { hopSize } from '../../onion/construct.ts';
import type { Extra, Frame } from '../../onion/eobframe.ts';
import { type ConstructInput, HOPS_LENGTH, type HopData } from '../../onion/packet.ts';
import { type FinalPayload, type ForwardPayload, writeFinal, writeForward } from '../../onion/payload.ts';
import { isSecretKey, pointOf, sha256 } from '../../wire/crypto.ts';
import type { RawRecord } from '../../wire/tlv.ts';
import { msat, preimage, type SecretKey, secretKey, shortChannelId } from '../../wire/units.ts';

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
export const key: fc.Arbitrary<SecretKey> = bytesOf(32).filter(isSecretKey).map(secretKey);
const u32 = fc.nat({ max: 0xffff_ffff });
const amount = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(msat);
const scid = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(shortChannelId);

const extra = (mostBlobs: number): fc.Arbitrary<Extra> =>
  fc.record({
    protocol: fc.integer({ min: 1, max: 15 }),
    paymentId: bytesOf(11),
    blobs: fc.array(bytesOf(65), { minLength: 1, maxLength: mostBlobs }),
  });
export const frame = (mostBlobs: number): fc.Arbitrary<Frame> =>
  fc.record({
    shortChannelId: scid,
    amtToForward: amount,
    outgoingCltvValue: u32,
    extra: fc.option(extra(mostBlobs), { nil: undefined }),
  });

const custom: fc.Arbitrary<readonly RawRecord[]> = fc
  .uniqueArray(fc.bigInt({ min: 10n, max: 0xffff_ffffn }), { maxLength: 3 })
  .chain((halves) =>
    fc.tuple(
      ...halves
        .sort((a, b) => (a < b ? -1 : 1))
        .map((half) => fc.record({ type: fc.constant(2n * half + 1n), value: fc.uint8Array({ maxLength: 40 }) })),
    ),
  );
export const forwardPayload: fc.Arbitrary<ForwardPayload> = fc.record({
  shortChannelId: scid,
  amtToForward: amount,
  outgoingCltvValue: u32,
  custom,
});
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
export const finalPayload: fc.Arbitrary<FinalPayload> = fc.record({
  amtToForward: amount,
  outgoingCltvValue: u32,
  paymentData: maybe(fc.record({ paymentSecret: bytesOf(32), totalMsat: amount })),
  paymentMetadata: maybe(fc.uint8Array({ maxLength: 100 })),
  amp: maybe(fc.record({ share: bytesOf(32), setId: bytesOf(32), childIndex: u32 })),
  keysend: maybe(bytesOf(32).map(preimage)),
  custom,
});

const asFrame = frame(5).map((frame): HopData => ({ kind: 'frame', frame }));
const asStream = (stream: fc.Arbitrary<Uint8Array>) => stream.map((stream): HopData => ({ kind: 'tlv', stream }));
const middle = fc.oneof(asFrame, asStream(forwardPayload.map(writeForward)));
const final = fc.oneof(asFrame, asStream(finalPayload.map(writeFinal)));

export interface Route extends ConstructInput {
  readonly nodeKeys: readonly SecretKey[];
}

/** A route of one to `most` hops, cut from the front to what fits the packet. */
export const route = (most: number): fc.Arbitrary<Route> =>
  fc
    .record({ sessionKey: key, associatedData: bytesOf(32), middles: fc.array(middle, { maxLength: most - 1 }), final })
    .map(({ sessionKey, associatedData, middles, final }) => {
      const datas = [final];
      let left = HOPS_LENGTH - hopSize(final);
      for (const data of middles) {
        if (hopSize(data) > left) break;
        left -= hopSize(data);
        datas.unshift(data);
      }
      const nodeKeys = datas.map((_, i) => secretKey(sha256(sessionKey, Uint8Array.of(i))));
      const hops = datas.map((data, i) => ({ node: pointOf(nodeKeys[i] ?? sessionKey), data }));
      return { sessionKey, associatedData, hops, nodeKeys };
    });
