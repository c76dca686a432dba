/** BOLT 7: published queries, address descriptors, and the bytes that announcements sign. */
import { describe, expect, test } from 'vitest';
import { type Address, addresses } from '../../wire/address.ts';
import { concat, equal, hex, unhex, utf8, zeros } from '../../wire/bytes.ts';
import { bytes16, decode, encode, WireError } from '../../wire/codec.ts';
import { pointOf, sign, verify } from '../../wire/crypto.ts';
import { decodeMessage, encodeMessage, type MessageOf } from '../../wire/message.ts';
import { signedDigest, signedPart } from '../../wire/signed.ts';
import { chainHash, msat, point, scidOf, scidText, secretKey, signature } from '../../wire/units.ts';
import queries from '../vectors/bolt07-extended-queries-plain.json' with { type: 'json' };

/** A decoded query in the words of the vector file. */
const described = (message: ReturnType<typeof decodeMessage>): object => {
  switch (message.name) {
    case 'query_channel_range': {
      const wants = ['WANT_TIMESTAMPS', 'WANT_CHECKSUMS'].filter(
        (_, bit) => ((message.query_option ?? 0n) >> BigInt(bit)) & 1n,
      );
      return {
        type: 'QueryChannelRange',
        chainHash: hex(message.chain_hash),
        firstBlockNum: message.first_blocknum,
        numberOfBlocks: message.number_of_blocks,
        tlvStream: { records: message.query_option === undefined ? [] : [wants.join(' | ')], unknown: [] },
      };
    }
    case 'reply_channel_range':
      return {
        type: 'ReplyChannelRange',
        chainHash: hex(message.chain_hash),
        firstBlockNum: message.first_blocknum,
        numberOfBlocks: message.number_of_blocks,
        complete: message.sync_complete,
        shortChannelIds: { encoding: 'UNCOMPRESSED', array: message.encoded_short_ids.map(scidText) },
        ...(message.timestamps_tlv && {
          timestamps: {
            encoding: 'UNCOMPRESSED',
            timestamps: message.timestamps_tlv.map((pair) => ({
              timestamp1: pair.timestamp_node_id_1,
              timestamp2: pair.timestamp_node_id_2,
            })),
          },
        }),
        ...(message.checksums_tlv && {
          checksums: {
            checksums: message.checksums_tlv.map((pair) => ({
              checksum1: pair.checksum_node_id_1,
              checksum2: pair.checksum_node_id_2,
            })),
          },
        }),
      };
    case 'query_short_channel_ids':
      return {
        type: 'QueryShortChannelIds',
        chainHash: hex(message.chain_hash),
        shortChannelIds: { encoding: 'UNCOMPRESSED', array: message.encoded_short_ids.map(scidText) },
        tlvStream: { records: [], unknown: [] },
      };
    default:
      throw new Error(`a query expected, not ${message.name}`);
  }
};

describe('queries', () => {
  for (const { hex: wire, msg } of queries.vectors)
    test(`${msg.type} ${wire.slice(68, 100)} is read and written as published`, () => {
      const message = decodeMessage(unhex(wire));
      expect(described(message)).toEqual(msg);
      expect(hex(encodeMessage(message))).toBe(wire);
    });

  const query = (ids: string): Uint8Array => concat(unhex('0105'), zeros(32), encode(bytes16, unhex(ids)));
  test('gossip queries with zlib are refused', () => {
    expect(() => decodeMessage(query('01789c6360'))).toThrow('expected encoding type 0 (uncompressed), got 1');
  });
  test('gossip queries with a partial short_channel_id are refused', () => {
    expect(() => decodeMessage(query('0000000000000000'))).toThrow(WireError);
  });
  test('an empty list in a gossip query is read with and without its encoding byte', () => {
    for (const ids of ['', '00']) expect(decodeMessage(query(ids))).toMatchObject({ encoded_short_ids: [] });
  });
});

describe('address descriptors', () => {
  const rows: readonly (readonly [string, string, readonly Address[]])[] = [
    ['none', '0000', []],
    ['ipv4', '0007017f0000012607', [{ type: 'ipv4', host: unhex('7f000001'), port: 9735 }]],
    [
      'ipv6 and torv2',
      `0020${'02'}${'ab'.repeat(16)}2607${'03'}${'cd'.repeat(10)}0001`,
      [
        { type: 'ipv6', host: unhex('ab'.repeat(16)), port: 9735 },
        { type: 'torv2', host: unhex('cd'.repeat(10)), port: 1 },
      ],
    ],
    ['torv3', `0026${'04'}${'ee'.repeat(35)}2607`, [{ type: 'torv3', host: unhex('ee'.repeat(35)), port: 9735 }]],
    ['dns', `000f${'05'}${'0b'}${hex(utf8('example.com'))}2607`, [{ type: 'dns', host: 'example.com', port: 9735 }]],
    [
      'an unknown one, which hides what follows it',
      '000a06aabb017f0000012607',
      [{ type: 'unknown', id: 6, data: unhex('aabb017f0000012607') }],
    ],
    [
      'a hostname that is not ASCII, which hides nothing',
      '000e0503ff20c32607017f0000012607',
      [
        { type: 'unknown', id: 5, data: unhex('03ff20c32607') },
        { type: 'ipv4', host: unhex('7f000001'), port: 9735 },
      ],
    ],
  ];
  test.each(rows)('address descriptors are read and written: %s', (_, wire, list) => {
    expect(decode(addresses, unhex(wire))).toEqual(list);
    expect(hex(encode(addresses, list))).toBe(wire);
  });
  test.each(['0006017f00000126', '0003050b65', '000105'])('%s is cut short and refused', (wire) => {
    expect(() => decode(addresses, unhex(wire))).toThrow(WireError);
  });
  test('an address descriptor with a hostname beyond ASCII is not written', () => {
    expect(() => encode(addresses, [{ type: 'dns', host: 'bücher.example', port: 1 }])).toThrow(RangeError);
  });
});

describe('signed announcements', () => {
  const secret = secretKey(new Uint8Array(32).fill(7));
  const update: MessageOf<'channel_update'> = {
    name: 'channel_update',
    signature: signature(zeros(64)),
    chain_hash: chainHash(zeros(32)),
    short_channel_id: scidOf(103, 1, 0),
    timestamp: 1,
    message_flags: 1,
    channel_flags: 0,
    cltv_expiry_delta: 40,
    htlc_minimum_msat: msat(1n),
    fee_base_msat: msat(1000n),
    fee_proportional_millionths: 100,
    htlc_maximum_msat: msat(10_000_000n),
    unknown: [{ type: 101n, value: unhex('beef') }],
  };
  test('signatures of announcements are verified over the raw message, with unknown records', () => {
    const digest = signedDigest('channel_update', encodeMessage(update));
    const raw = encodeMessage({ ...update, signature: sign(digest, secret) });
    const read = decodeMessage(raw);
    if (read.name !== 'channel_update') throw new Error(read.name);
    expect(verify(read.signature, signedDigest('channel_update', raw), pointOf(secret))).toBe(true);
    expect(hex(encodeMessage(read))).toBe(hex(raw));
    const changed = raw.with(raw.length - 1, 0);
    expect(verify(read.signature, signedDigest('channel_update', changed), pointOf(secret))).toBe(false);
  });
  test('signatures of announcements cover everything behind them', () => {
    const node = point(concat(Uint8Array.of(2), new Uint8Array(32).fill(9)));
    const zero = signature(zeros(64));
    const announcement = encodeMessage({
      name: 'channel_announcement',
      node_signature_1: zero,
      node_signature_2: zero,
      bitcoin_signature_1: zero,
      bitcoin_signature_2: zero,
      features: unhex('abcd'),
      chain_hash: chainHash(zeros(32)),
      short_channel_id: scidOf(1, 2, 3),
      node_id_1: node,
      node_id_2: node,
      bitcoin_key_1: node,
      bitcoin_key_2: node,
    });
    const covered = signedPart('channel_announcement', announcement);
    expect(hex(covered.subarray(0, 4))).toBe('0002abcd');
    expect(equal(covered.subarray(-33), node)).toBe(true);
  });
});
