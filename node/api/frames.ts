/** A hop's frame and its extra onion blobs, taken apart field by field for people to read. */
import { schemes } from '../../amp/schemes.ts';
import { decodeBlob, SHARE_LENGTH } from '../../amp/shares.ts';
import { FRAME_LENGTH, HMAC_LENGTH, PAYMENT_ID_LENGTH, readFrame, readSignal } from '../../onion/eobframe.ts';
import { concat, hex } from '../../wire/bytes.ts';
import { satText } from '../base/table.ts';

export interface Field {
  readonly hex: string;
  readonly name: string;
  readonly meaning: string;
}

interface Slice {
  readonly name: string;
  readonly length: number;
  readonly meaning: string;
}

const cut = (raw: Uint8Array, slices: readonly Slice[]): readonly Field[] => {
  let at = 0;
  return slices.map(({ name, length, meaning }) => {
    const part = raw.subarray(at, at + length);
    at += length;
    return { hex: hex(part), name, meaning };
  });
};

const allZero = (raw: Uint8Array): boolean => raw.every((byte) => byte === 0);

const signalText = (signal: number): string => {
  const read = readSignal(signal);
  if (read.kind !== 'blobs') return read.kind === 'none' ? 'nothing follows' : 'malformed';
  const { protocol, count } = read;
  const name = [...schemes.values()].find((scheme) => scheme.protocol === protocol)?.name;
  return `protocol ${protocol}${name === undefined ? '' : ` (${name})`}, ${count} extra frame${count === 1 ? '' : 's'}`;
};

/** The fields of a 65-byte frame, and what each says. Throws RangeError when it is none. */
export const frameFields = (raw: Uint8Array, blobs: readonly Uint8Array[]): readonly Field[] => {
  const whole = concat(raw, ...blobs);
  const read = raw.length === FRAME_LENGTH ? readFrame(whole, whole.length) : undefined;
  if (read?.kind !== 'frame') throw new RangeError('expected a frame of 65 bytes and the blobs its signal announces');
  const { shortChannelId, amtToForward, outgoingCltvValue, extra } = read.frame;
  return cut(raw, [
    { name: 'realm', length: 1, meaning: 'a frame of fixed size' },
    { name: 'short_channel_id', length: 8, meaning: shortChannelId === 0n ? 'none: the last hop' : 'the next channel' },
    { name: 'amt_to_forward', length: 8, meaning: `${satText(amtToForward.toString())} sat` },
    { name: 'outgoing_cltv_value', length: 4, meaning: `block ${outgoingCltvValue}` },
    { name: 'signal', length: 1, meaning: signalText(raw[21] ?? 0) },
    {
      name: 'payment_id',
      length: PAYMENT_ID_LENGTH,
      meaning: allZero(extra?.paymentId ?? new Uint8Array(1)) ? 'none: without an invoice' : 'of the invoice',
    },
    { name: 'hmac', length: HMAC_LENGTH, meaning: allZero(read.hmac) ? 'zero: no hop follows' : 'of the next packet' },
  ]);
};

/** The fields of a 65-byte blob of an atomic multi-path payment. Throws WireError for another length. */
export const blobFields = (raw: Uint8Array, scheme: string): readonly Field[] => {
  const { marker } = decodeBlob(raw);
  const fields = schemes.get(scheme)?.fields;
  return cut(raw, [
    { name: 'set_id', length: SHARE_LENGTH, meaning: fields?.setId ?? '' },
    { name: 'share', length: SHARE_LENGTH, meaning: fields?.share ?? '' },
    { name: 'marker', length: 1, meaning: fields?.marker(marker) ?? `${marker}` },
  ]);
};
