/** The onion of an HTLC of our own, layer by layer, as its payer composed it: what each hop can read, and what it cannot. */
import { FRAME_LENGTH, HMAC_LENGTH, writeFrame } from '../../onion/eobframe.ts';
import { writeForward } from '../../onion/payload.ts';
import { hex, unhex, zeros } from '../../wire/bytes.ts';
import { Reader } from '../../wire/codec.ts';
import { rawRecords } from '../../wire/tlv.ts';
import { msat, scidText, shortChannelId } from '../../wire/units.ts';
import { blobFields, type Field, frameFields } from '../api/frames.ts';
import { scidFrom } from '../api/params.ts';

/** A hop of a shard as `listpays` has it: the HTLC that arrives at `id` by this channel. */
export interface ShardHop {
  readonly id: string;
  readonly short_channel_id: string;
  readonly amount_msat: number | string;
  readonly expiry: number;
  readonly style: string;
}

export interface Layer {
  readonly id: string;
  /** What the hop does with it. */
  readonly role: 'forwards' | 'is paid';
  /** `frame`: 65 bytes; `tlv`: a stream of records. */
  readonly form: 'frame' | 'tlv';
  readonly parts: readonly { readonly title: string; readonly fields: readonly Field[] }[];
}

/** BOLT 4's names of records; of keysend, what everybody calls it. */
const recordNames: Readonly<Record<string, string>> = {
  '2': 'amt_to_forward',
  '4': 'outgoing_cltv_value',
  '6': 'short_channel_id',
  '8': 'payment_data',
  '14': 'amp',
  '16': 'payment_metadata',
  '5482373484': 'keysend',
};

const numberIn = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

const recordMeaning = (type: string, value: Uint8Array): string => {
  if (type === '2') return `${numberIn(value)} msat`;
  if (type === '4') return `block ${numberIn(value)}`;
  if (type === '6') return scidText(shortChannelId(numberIn(value)));
  if (type === '8') return `payment_secret, and total_msat ${numberIn(value.subarray(32))}`;
  if (type === '14') return 'root_share, set_id and child_index';
  return '';
};

const tlvFields = (stream: Uint8Array): readonly Field[] =>
  rawRecords.read(new Reader(stream)).map(({ type, value }) => {
    const name = recordNames[`${type}`];
    return {
      hex: hex(value),
      name: name === undefined ? `record ${type}` : `${name} (${type})`,
      meaning: recordMeaning(`${type}`, value),
    };
  });

/** What a forwarder reads, which names the HTLC that it is to offer. The HMAC is of the packet inside, which nobody keeps. */
const forwarded = (form: Layer['form'], next: ShardHop): readonly Field[] => {
  const to = {
    shortChannelId: scidFrom(next.short_channel_id),
    amtToForward: msat(BigInt(next.amount_msat)),
    outgoingCltvValue: next.expiry,
  };
  if (form === 'tlv') return tlvFields(writeForward(to));
  const fields = frameFields(writeFrame({ ...to, extra: undefined }, zeros(HMAC_LENGTH)), []);
  return [...fields.slice(0, -1), { hex: '', name: 'hmac', meaning: 'of the packet inside' }];
};

const blobParts = (blobs: readonly string[], scheme: string): Layer['parts'] =>
  blobs.map((blob, i) => ({
    title: blobs.length === 1 ? 'Extra onion blob' : `Extra onion blob ${i + 1} of ${blobs.length}`,
    fields: blobFields(unhex(blob), scheme),
  }));

/** What of a shard of `listpays` its onion is made of. */
export interface Shard {
  readonly route: readonly ShardHop[];
  readonly frame?: string | undefined;
  readonly blobs?: readonly string[] | undefined;
}

/** Outermost first. Throws RangeError and WireError where the payload is neither a frame nor a stream of records. */
export const layersOf = ({ route, frame = '', blobs = [] }: Shard, scheme: string): readonly Layer[] => {
  const last = unhex(frame);
  return route.map((hop, i): Layer => {
    const next = route[i + 1];
    if (next !== undefined) {
      const form = hop.style === 'frame' ? 'frame' : 'tlv';
      const title = form === 'frame' ? 'Frame of 65 bytes' : 'TLV payload';
      return { id: hop.id, role: 'forwards', form, parts: [{ title, fields: forwarded(form, next) }] };
    }
    const isFrame = last.length === FRAME_LENGTH && last[0] === 0;
    if (!isFrame)
      return { id: hop.id, role: 'is paid', form: 'tlv', parts: [{ title: 'TLV payload', fields: tlvFields(last) }] };
    const whole = { title: 'Frame of 65 bytes', fields: frameFields(last, blobs.map(unhex)) };
    return { id: hop.id, role: 'is paid', form: 'frame', parts: [whole, ...blobParts(blobs, scheme)] };
  });
};
