import { describe, expect, test } from 'vitest';
import { encodeBlob } from '../../amp/shares.ts';
import { decode } from '../../node/api/methods/invoices/decode.ts';
import { treeText } from '../../node/cli/decoded.ts';
import { networkOf } from '../../node/ports/network.ts';
import { construct } from '../../onion/construct.ts';
import { encodeFailure } from '../../onion/failuremessages.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import type { OnionHop } from '../../onion/packet.ts';
import { writeFinal, writeForward } from '../../onion/payload.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { pointOf } from '../../wire/crypto.ts';
import { ourFeatures } from '../../wire/features.ts';
import { encodeMessage } from '../../wire/message.ts';
import { channelId, msat, type Point, paymentHash, scidOf, secretKey, signature } from '../../wire/units.ts';
import { patient } from '../support/api.ts';

const offline = { network: networkOf('regtest'), now: () => 1_700_000_000 };
type Given = Parameters<typeof decode.params.parse>[0];
const read = (given: Given, parts: Parameters<typeof decode.handler>[0] = offline) =>
  decode.handler(parts, decode.params.parse(given), patient);
const refusal = async (given: Given): Promise<string> => {
  try {
    return `taken for ${(await read(given)).type}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const keys = [1, 2, 3].map((n) => secretKey(new Uint8Array(32).fill(n)));
const nodes = keys.map((key) => pointOf(key));
const ids = nodes.map((node) => hex(node));
const hash = paymentHash(new Uint8Array(32).fill(9));
const sessionKey = secretKey(new Uint8Array(32).fill(7));
const blob = encodeBlob({ setId: new Uint8Array(32).fill(0xaa), share: new Uint8Array(32).fill(0xbb), marker: 3 });

const nodeAt = (index: number): Point => {
  const node = nodes[index];
  if (node === undefined) throw new Error('expected a node');
  return node;
};

/** Through a frame, a TLV payload, and to a frame with an AMP's blob. */
const route: readonly OnionHop[] = [
  {
    node: nodeAt(0),
    data: {
      kind: 'frame',
      frame: {
        shortChannelId: scidOf(103, 1, 0),
        amtToForward: msat(1_000n),
        outgoingCltvValue: 500,
        extra: undefined,
      },
    },
  },
  {
    node: nodeAt(1),
    data: {
      kind: 'tlv',
      stream: writeForward({ shortChannelId: scidOf(104, 2, 1), amtToForward: msat(900n), outgoingCltvValue: 460 }),
    },
  },
  {
    node: nodeAt(2),
    data: {
      kind: 'frame',
      frame: {
        shortChannelId: scidOf(0, 0, 0),
        amtToForward: msat(900n),
        outgoingCltvValue: 460,
        extra: { protocol: 1, paymentId: zeros(11), blobs: [blob] },
      },
    },
  },
];
const { packet, sharedSecrets } = construct({ sessionKey, associatedData: hash, hops: route });

describe('an onion packet', () => {
  test('alone shows its outer fields and what would open it', async () => {
    expect(await read({ string: hex(packet) })).toMatchObject({
      type: 'onion packet',
      valid: true,
      version: 0,
      public_key: hex(packet.subarray(1, 34)),
      hint: expect.stringContaining('session_key'),
    });
  });

  test('with the session key and the route is opened layer by layer, frames and blobs field by field', async () => {
    const { layers } = await read({
      string: hex(packet),
      session_key: hex(sessionKey),
      hops: ids,
      payment_hash: hex(hash),
    });
    expect(layers).toMatchObject([
      {
        hop: 1,
        node: ids[0],
        last: false,
        shared_secret: hex(sharedSecrets[0] ?? zeros(0)),
        payload: {
          format: '65-byte frame',
          short_channel_id: '103x1x0',
          amt_to_forward: 1_000n,
          outgoing_cltv_value: 500,
        },
        next_packet: expect.stringMatching(/^00[0-9a-f]{2730}$/),
      },
      {
        hop: 2,
        payload: {
          format: 'TLV stream',
          short_channel_id: '104x2x1',
          records: [{ type: 2n }, { type: 4n }, { type: 6n }],
        },
      },
      {
        hop: 3,
        last: true,
        payload: {
          extra_onion_blobs: {
            protocol: 1,
            scheme: expect.any(String),
            payment_id: '00'.repeat(11),
            blobs: [expect.objectContaining({ marker: 3, raw: hex(blob) })],
          },
        },
      },
    ]);
    expect(JSON.stringify(layers, (_, value) => (typeof value === 'bigint' ? `${value}` : value))).toContain(
      'aa'.repeat(32),
    );
  });

  test('with a node key shows the layer of that node and the next packet, which the next node opens', async () => {
    const first = await read({ string: hex(packet), nodekey: hex(keys[0] ?? zeros(0)), payment_hash: hex(hash) });
    const [layer] = first['layers'] as readonly { readonly next_packet: string }[];
    const second = await read({
      string: layer?.next_packet,
      nodekey: hex(keys[1] ?? zeros(0)),
      payment_hash: hex(hash),
    });
    expect(second['layers']).toMatchObject([{ payload: { short_channel_id: '104x2x1' } }]);
  });

  test('of a final hop with record 8 shows it', async () => {
    const final = writeFinal({
      amtToForward: msat(5n),
      outgoingCltvValue: 9,
      paymentData: { paymentSecret: new Uint8Array(32).fill(4), totalMsat: msat(6n) },
    });
    const built = construct({
      sessionKey,
      associatedData: hash,
      hops: [{ node: nodeAt(0), data: { kind: 'tlv', stream: final } }],
    });
    const { layers } = await read({
      string: hex(built.packet),
      nodekey: hex(keys[0] ?? zeros(0)),
      payment_hash: hex(hash),
    });
    expect(layers).toMatchObject([{ last: true, payload: { payment_secret: '04'.repeat(32), total_msat: 6n } }]);
  });

  test('that a key does not open says so, and what may be missing', async () => {
    const wrong = { string: hex(packet), nodekey: hex(keys[1] ?? zeros(0)), payment_hash: hex(hash) };
    expect(await refusal(wrong)).toMatch(/does not open \(invalid_onion_hmac\).*payment_hash/);
    expect(await refusal({ string: hex(packet), nodekey: hex(keys[0] ?? zeros(0)) })).toContain('payment_hash');
    expect(await refusal({ string: hex(packet), session_key: '08'.repeat(32), hops: ids })).toContain('another one');
    expect(await refusal({ string: hex(packet), session_key: hex(sessionKey) })).toContain('expected hops');
    expect(await refusal({ string: '00', nodekey: hex(keys[0] ?? zeros(0)) })).toContain('has 1366 bytes');
  });
});

describe('a failure', () => {
  const failure = { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(900n), height: 120 } as const;
  const reason = [1, 0].reduce(
    (so, hop) => wrapFailure(sharedSecrets[hop] ?? zeros(32), so),
    createFailure(sharedSecrets[2] ?? zeros(32), failure),
  );
  const secrets = sharedSecrets.map((one) => hex(one));

  test('reason is opened with the shared secrets: which hop sent it, and what it says', async () => {
    expect(await read({ string: hex(reason), shared_secrets: secrets })).toMatchObject({
      type: 'failure reason',
      hop: 3,
      failure: { name: failure.name, htlc_msat: 900n, height: 120 },
      failure_code_hex: '400f',
    });
    expect(await read({ string: hex(reason) })).toMatchObject({ type: 'failure reason', hint: expect.any(String) });
    expect(await refusal({ string: hex(reason), shared_secrets: secrets.slice(0, 2) })).toContain('no hop of these');
  });

  test('message is read by its code', async () => {
    expect(await read({ string: hex(encodeFailure(failure)) })).toMatchObject({
      type: 'failure message',
      failure: { name: failure.name },
    });
  });
});

describe('a message', () => {
  const pong = encodeMessage({ name: 'pong', ignored: zeros(3) });
  const update = encodeMessage({
    name: 'channel_update',
    ...{ signature: signature(zeros(64)), chain_hash: chainHashOf.regtest, short_channel_id: scidOf(103, 1, 0) },
    ...{ timestamp: 1, message_flags: 1, channel_flags: 0, cltv_expiry_delta: 40, htlc_minimum_msat: msat(1n) },
    ...{ fee_base_msat: msat(1000n), fee_proportional_millionths: 10, htlc_maximum_msat: msat(9n) },
  } as Parameters<typeof encodeMessage>[0]);

  test('has its name and fields, and one that is malformed why it is', async () => {
    expect(await read({ string: hex(pong) })).toMatchObject({
      type: 'message',
      name: 'pong',
      fields: { ignored: '000000' },
    });
    expect(await read({ string: '008000', type: 'message' })).toMatchObject({
      name: 'update_add_htlc',
      malformed: expect.any(String),
    });
  });

  test('of gossip is read without its type, too, as it stands in failures', async () => {
    for (const bytes of [update, update.subarray(2)])
      expect(await read({ string: hex(bytes) })).toMatchObject({
        type: 'message',
        name: 'channel_update',
        fields: { short_channel_id: '103x1x0' },
      });
  });
});

describe('others', () => {
  test('a feature vector is told bit by bit', async () => {
    const { type, bits } = await read({ string: hex(ourFeatures('I')) });
    expect(type).toBe('feature vector');
    expect(bits).toContainEqual({ bit: 171, name: 'option_eob_amp', required: false });
    expect(bits).toContainEqual({ bit: 12, name: 'option_static_remotekey', required: true });
  });

  test('a node id is told, and so is a rune with its restrictions in words', async () => {
    expect(await read({ string: ids[0] })).toEqual({ type: 'node id', valid: true, id: ids[0] });
    const rune = Buffer.concat([Buffer.alloc(32, 1), Buffer.from('=7&method^list|method=getinfo')]).toString(
      'base64url',
    );
    expect(await read({ string: rune })).toMatchObject({
      type: 'rune',
      unique_id: '7',
      restrictions: ['method starts with list OR method equal to getinfo'],
    });
  });

  test('what could be two things says which it was taken for, and how the other is forced', async () => {
    const both = hex(encodeMessage({ name: 'ping', num_pong_bytes: 0, ignored: zeros(0) }));
    const taken = await read({ string: both });
    expect(taken).toMatchObject({ type: 'message', also: ['failure message', 'feature vector'] });
    expect(taken['note']).toContain('type=features');
    expect(await read({ string: both, type: 'features' })).toMatchObject({ type: 'feature vector' });
  });

  test('what is nothing known is refused with what was tried', async () => {
    expect(await refusal({ string: 'ab'.repeat(32) })).toMatch(
      /32 bytes that are nothing known.*payment_hash.*Tried node_id/,
    );
    expect(await refusal({ string: 'ab'.repeat(32), type: 'transaction' })).toContain('expected a whole transaction');
    expect(await refusal({ string: 'xyz', type: 'message' })).toContain('expected an even number of hex digits');
    expect(await refusal({ string: 'lno1abc' })).toContain('an offer of BOLT 12');
    expect(await refusal({})).toContain('expected either string or file');
  });

  test.each(['node_id', 'backup', 'onion', 'transaction', 'message', 'failure_message', 'features', 'rune'] as const)(
    'bytes of any length that are forced to be a %s are read or refused, and nothing worse',
    async (type) => {
      for (const length of [1, 2, 33, 65, 292, 1366, 5000])
        for (const byte of [0, 1, 2, 0x55, 0xff]) {
          const said = await refusal({ string: hex(new Uint8Array(length).fill(byte)), type });
          expect(said).not.toMatch(/undefined|Cannot read|is not a function|Invalid array/);
        }
    },
  );
});

test('a value wider than the terminal is cut, with its length', () => {
  expect(treeText({ list: [{ raw: 'ab'.repeat(1000), n: 1 }], channel_id: hex(channelId(zeros(32))) }, 80)).toBe(
    `list:\n  - raw: ${'ab'.repeat(16)}… (1000 bytes)\n    n: 1\nchannel id: ${'00'.repeat(32)}`,
  );
});
