/** Arbitrary messages, made from the tables themselves: each field's codec says which values it may take. */
import fc from 'fast-check';
import { type Address, address, addresses } from '../../wire/address.ts';
import { bytes16, type Codec, rest, u8, u16, u32, u64 } from '../../wire/codec.ts';
import * as fields from '../../wire/fields.ts';
import { checksums, queryFlags, shortIds, timestamps } from '../../wire/gossip.ts';
import { type Message, type MessageName, messages } from '../../wire/message.ts';
import type { Row } from '../../wire/row.ts';
import { bigsize, type RawRecord } from '../../wire/tlv.ts';
import { MAX_MONEY } from '../../wire/units.ts';

const uint = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const run = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const some = fc.uint8Array({ maxLength: 60 });
const few = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 4 });
const point = fc.tuple(fc.constantFrom(2, 3), run(32)).map(([sign, x]) => Uint8Array.of(sign, ...x));

const port = uint(16);
const usable: fc.Arbitrary<Address> = fc.oneof(
  ...(
    [
      ['ipv4', 4],
      ['ipv6', 16],
      ['torv2', 10],
      ['torv3', 35],
    ] as const
  ).map(([type, length]) => fc.record({ type: fc.constant(type), host: run(length), port })),
  fc.record({ type: fc.constant('dns' as const), host: fc.domain(), port }),
);
/** Nothing tells where an unknown descriptor ends, so only the last of a list can be one. */
const opaque: fc.Arbitrary<Address> = fc.record({
  type: fc.constant('unknown' as const),
  id: fc.integer({ min: 6, max: 255 }),
  data: some,
});

const byCodec = new Map<unknown, fc.Arbitrary<unknown>>([
  [u8, uint(8)],
  [u16, uint(16)],
  [u32, uint(32)],
  [u64, uint64],
  [bytes16, some],
  [rest, some],
  [bigsize, uint64],
  [address, fc.oneof(usable, opaque)],
  [addresses, fc.tuple(few(usable), fc.array(opaque, { maxLength: 1 })).map(([known, last]) => [...known, ...last])],
  [fields.point, point],
  [fields.signature, run(64)],
  [fields.signatures, few(run(64))],
  [fields.msat, uint64],
  [fields.sat, uint64],
  [fields.boundedMsat, fc.bigInt({ min: 0n, max: MAX_MONEY })],
  [fields.boundedSat, fc.bigInt({ min: 0n, max: MAX_MONEY / 1000n })],
  [fields.msat32, uint(32).map(BigInt)],
  [fields.shortChannelId, uint64],
  [fields.onionPacket, run(1366)],
  [fields.rgb, run(3)],
  [fields.feeRange, fc.record({ min_fee_satoshis: uint64, max_fee_satoshis: uint64 })],
  [fields.fundingLocked, fc.record({ txid: run(32), retransmit_flags: uint(8) })],
  [
    fields.attributionData,
    fc.record({
      htlc_hold_times: fc.array(uint(32), { minLength: 20, maxLength: 20 }),
      truncated_hmacs: run(840),
    }),
  ],
  [fields.chainHashes, few(run(32))],
  [shortIds, few(uint64)],
  [queryFlags, few(uint64)],
  [timestamps, few(fc.record({ timestamp_node_id_1: uint(32), timestamp_node_id_2: uint(32) }))],
  [checksums, few(fc.record({ checksum_node_id_1: uint(32), checksum_node_id_2: uint(32) }))],
]);
const { bytes32, channelId, paymentHash, preimage, secretKey, txid, chainHash } = fields;
for (const hash of [bytes32, channelId, paymentHash, preimage, secretKey, txid, chainHash]) byCodec.set(hash, run(32));

const valueFor = (name: string, codec: Codec<unknown>): fc.Arbitrary<unknown> => {
  const found = byCodec.get(codec);
  if (found === undefined) throw new Error(`no arbitrary for the codec of ${name}`);
  return found;
};

const unknownRecords = (known: readonly bigint[]): fc.Arbitrary<RawRecord[]> =>
  fc
    .uniqueArray(
      fc.record({ type: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map((n) => 2n * n + 1n), value: some }),
      { minLength: 1, maxLength: 3, selector: (record) => record.type },
    )
    .map((list) => list.filter(({ type }) => !known.includes(type)).toSorted((a, b) => (a.type < b.type ? -1 : 1)))
    .filter((list) => list.length > 0);

export const messageNames = Object.keys(messages) as MessageName[];

/** Messages of a name, without an extension or with any of its records and others unknown. */
export const arbitraryMessage = (name: MessageName, extension: 'bare' | 'extended'): fc.Arbitrary<Message> => {
  const row: Row = messages[name] as unknown as Row;
  const required = Object.entries(row.fields).map(([key, codec]) => [key, valueFor(`${name}.${key}`, codec)] as const);
  const records = Object.entries(row.records).map(
    ([key, { codec }]) => [key, valueFor(`${name}.${key}`, codec)] as const,
  );
  const unknown = unknownRecords(Object.values(row.records).map(({ type }) => type));
  const model = Object.fromEntries([
    ['name', fc.constant(name)] as const,
    ...required,
    ...(extension === 'extended' ? [...records, ['unknown', unknown] as const] : []),
  ]);
  return fc.record(model, {
    requiredKeys: ['name', ...Object.keys(row.fields)],
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<Message>;
};
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  ...messageNames.map((name) => arbitraryMessage(name, 'extended')),
);
