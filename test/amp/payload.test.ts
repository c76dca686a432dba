/** What the receiving machine is told of a final payload, and which payloads never reach it. */
import { expect, test } from 'vitest';
import { ampProtocols, type EobAmp, finalPayload } from '../../amp/payload.ts';
import { schemes } from '../../amp/schemes.ts';
import { encodeBlob } from '../../amp/shares.ts';
import type { FinalHop } from '../../onion/eobprotocols.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat, preimage, shortChannelId } from '../../wire/units.ts';
import { bytes32 } from './receiver.ts';

const fields = { amtToForward: msat(5n), outgoingCltvValue: 600 };
const meant = { amount: 5n, expiry: 600 };
const blob = { setId: bytes32(1), share: bytes32(2), marker: 3 };
const data = { paymentSecret: bytes32(4), totalMsat: msat(9n) };

test.each<[string, FinalHop<EobAmp>, object]>([
  [
    'a plain frame has no secret',
    { form: 'frame', ...fields },
    { kind: 'ordinary', ...meant, paymentSecret: undefined },
  ],
  [
    'a TLV payload brings its payment_data',
    { form: 'tlv', ...fields, paymentData: data },
    { kind: 'ordinary', ...meant, paymentSecret: data.paymentSecret, total: 9n },
  ],
  [
    'record 14 brings share, set_id and index, and payment_data beside it',
    { form: 'tlv', ...fields, paymentData: data, amp: { share: bytes32(1), setId: bytes32(2), childIndex: 7 } },
    {
      ...{ kind: 'deployed', ...meant, paymentSecret: data.paymentSecret, total: 9n },
      ...{ share: bytes32(1), setId: bytes32(2), childIndex: 7 },
    },
  ],
  [
    'record 14 without payment_data is read all the same, and refused like any payment that nobody asked for',
    { form: 'tlv', ...fields, amp: { share: bytes32(1), setId: bytes32(2), childIndex: 0 } },
    { kind: 'deployed', ...meant, paymentSecret: undefined, total: undefined },
  ],
  [
    'record 14 counts where there is a keysend preimage beside it',
    {
      ...{ form: 'tlv', ...fields, paymentData: data, keysend: preimage(bytes32(1)) },
      amp: { share: bytes32(1), setId: bytes32(2), childIndex: 7 },
    },
    { kind: 'deployed', ...meant },
  ],
  [
    'an AMP brings its scheme, payment_id and blobs',
    {
      ...{ form: 'eob', ...fields, protocol: 2 },
      meaning: { scheme: 'dynamic', paymentId: zeros(11), blobs: [blob] },
    },
    { kind: 'eob', ...meant, scheme: 'dynamic', paymentId: zeros(11), blobs: [blob] },
  ],
])('%s', (_, hop, expected) => {
  expect(finalPayload(hop)).toMatchObject({ accept: expected });
});

test('every protocol of ours reads the blobs behind a frame, at the final hop alone', () => {
  const extra = { protocol: 1, paymentId: bytes32(5).slice(0, 11), blobs: [encodeBlob(blob), encodeBlob(blob)] };
  const frame = { shortChannelId: shortChannelId(0n), ...fields, extra };
  const protocols = ampProtocols(schemes);
  expect([...protocols.keys()]).toEqual([1, 2, 3, 4]);
  expect(protocols.get(1)?.forward).toBeUndefined();
  expect(protocols.get(1)?.final?.(frame, extra)).toEqual({
    accept: { scheme: 'fixed', paymentId: extra.paymentId, blobs: [blob, blob] },
  });
});
