/** What the receiving machine is told of a final payload, and which payloads never reach it. */
import { expect, test } from 'vitest';
import { ampProtocols, type EobAmp, finalPayload } from '../../amp/payload.ts';
import { schemes } from '../../amp/schemes.ts';
import { encodeBlob } from '../../amp/shares.ts';
import type { FinalHop } from '../../onion/registry.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
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

test.each<[string, FinalHop<EobAmp>, bigint]>([
  ['record 14', { form: 'tlv', ...fields, amp: { share: bytes32(1), setId: bytes32(2), childIndex: 0 } }, 14n],
])('%s is refused as an unknown even record', (_, hop, type) => {
  expect(finalPayload(hop)).toEqual({ refuse: { name: 'invalid_onion_payload', type, offset: 0 } });
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
