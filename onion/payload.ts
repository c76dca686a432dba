/**
 * BOLT 4, "payload format": the TLV payloads of hops. A forwarder's and a final hop's payload are types of their own, each with all of its
 * required fields. Record 14 is lnd's AMP, 5482373484 keysend; neither is in the BOLTs.
 */
import { zeros } from '../wire/bytes.ts';
import { type Codec, decode, encode, map, Reader, rest, struct, WireError } from '../wire/codec.ts';
import { bytes32, point, preimage, shortChannelId } from '../wire/fields.ts';
import { bigsize, type RawRecord, type TlvShape, tlvs, tu32, tu64 } from '../wire/tlv.ts';
import { type Msat, msat, type Preimage, type ShortChannelId } from '../wire/units.ts';
import type { Failure, Reading } from './failuremessages.ts';

/** The payload of a forwarder: the HTLC that it is to offer. */
export interface ForwardPayload {
  readonly shortChannelId: ShortChannelId;
  readonly amtToForward: Msat;
  readonly outgoingCltvValue: number;
  /** Odd records nobody here knows, increasing by type. */
  readonly custom?: readonly RawRecord[] | undefined;
}

/** Record 8. */
export interface PaymentData {
  /** 32 bytes, from the invoice. */
  readonly paymentSecret: Uint8Array;
  /** total_msat: the sum of all HTLCs of the payment. */
  readonly totalMsat: Msat;
}

/** Record 14, lnd's AMP. */
export interface AmpRecord {
  /** The share of this HTLC (the record calls it root_share), 32 bytes. */
  readonly share: Uint8Array;
  /** 32 bytes, the same in every HTLC of a set. */
  readonly setId: Uint8Array;
  /** u32. */
  readonly childIndex: number;
}

/** The payload of a final hop. */
export interface FinalPayload {
  readonly amtToForward: Msat;
  readonly outgoingCltvValue: number;
  readonly paymentData?: PaymentData | undefined;
  readonly paymentMetadata?: Uint8Array | undefined;
  readonly amp?: AmpRecord | undefined;
  /** Record 5482373484: the preimage of a spontaneous payment. */
  readonly keysend?: Preimage | undefined;
  /** Odd records nobody here knows, increasing by type. */
  readonly custom?: readonly RawRecord[] | undefined;
}

const amount = map(tu64, msat, (n) => n);

/**
 * `at` says which hop a record is for. Route blinding is not supported: its records are in the table so that they are refused with the
 * failure that BOLT 4 wants for blinded routes.
 */
const records = {
  amt_to_forward: { type: 2n, codec: amount, at: 'any' },
  outgoing_cltv_value: { type: 4n, codec: tu32, at: 'any' },
  short_channel_id: { type: 6n, codec: shortChannelId, at: 'forward' },
  payment_data: { type: 8n, codec: struct({ payment_secret: bytes32, total_msat: amount }), at: 'final' },
  encrypted_recipient_data: { type: 10n, codec: rest, at: 'blinded' },
  current_path_key: { type: 12n, codec: point, at: 'blinded' },
  amp: {
    type: 14n,
    codec: struct({ root_share: bytes32, set_id: bytes32, child_index: tu32 }),
    at: 'final',
  },
  payment_metadata: { type: 16n, codec: rest, at: 'final' },
  total_amount_msat: { type: 18n, codec: amount, at: 'blinded_final' },
  keysend: { type: 5482373484n, codec: preimage, at: 'final' },
} as const;
type Shape = TlvShape<typeof records>;

const stream = tlvs(records);
interface Row {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly at: (typeof records)[keyof typeof records]['at'];
}
const byType: ReadonlyMap<bigint, Row> = new Map(
  Object.entries(records).map(([name, { type, codec, at }]) => [type, { name, codec, at }]),
);

/** The TLV stream of a forwarder's payload. Throws RangeError when a custom record repeats one of ours. */
export const writeForward = (payload: ForwardPayload): Uint8Array =>
  encode(stream, {
    amt_to_forward: payload.amtToForward,
    outgoing_cltv_value: payload.outgoingCltvValue,
    short_channel_id: payload.shortChannelId,
    ...(payload.custom && { unknown: payload.custom }),
  });

/** The TLV stream of a final hop's payload. Throws RangeError when a custom record repeats one of ours. */
export const writeFinal = (payload: FinalPayload): Uint8Array => {
  const { paymentData, amp, paymentMetadata, keysend, custom } = payload;
  return encode(stream, {
    amt_to_forward: payload.amtToForward,
    outgoing_cltv_value: payload.outgoingCltvValue,
    ...(paymentData && {
      payment_data: { payment_secret: paymentData.paymentSecret, total_msat: paymentData.totalMsat },
    }),
    ...(amp && { amp: { root_share: amp.share, set_id: amp.setId, child_index: amp.childIndex } }),
    ...(paymentMetadata && { payment_metadata: paymentMetadata }),
    ...(keysend && { keysend }),
    ...(custom && { unknown: custom }),
  });
};

/** The offset counts from the first byte of the TLV stream, behind its length prefix. */
const invalid = (type: bigint, offset = 0): { readonly refuse: Failure } => ({
  refuse: { name: 'invalid_onion_payload', type, offset },
});

/** BOLT 4: the introduction point of a blinded route hides the reason of a failure. Zeros may replace the onion's hash. */
const invalidBlinding: { readonly refuse: Failure } = {
  refuse: { name: 'invalid_onion_blinding', sha256_of_onion: zeros(32) },
};

type Position = 'forward' | 'final';

/** A record's value, where its type is allowed at this hop. Throws WireError where the value is invalid for its type. */
const readKnown = (row: Row, { type, value }: RawRecord, position: Position, offset: number): Reading<unknown> => {
  if (row.at !== 'any' && row.at !== position) return invalid(type, offset);
  return { accept: decode(row.codec, value) };
};

/**
 * Reads and checks the records of the stream one at a time. The failure names the type and offset of the first invalid one, as BOLT 4
 * wants, which the codec of TLV streams cannot do.
 */
const scan = (bytes: Uint8Array, position: Position): Reading<Shape> => {
  const r = new Reader(bytes);
  const shape: Record<string, unknown> = {};
  const unknown: RawRecord[] = [];
  let last = -1n;
  while (r.left > 0) {
    const offset = bytes.length - r.left;
    let type = 0n;
    try {
      type = bigsize.read(r);
      if (type <= last) return invalid(type, offset);
      last = type;
      const record = { type, value: r.bytes(Number(bigsize.read(r))) };
      const row = byType.get(type);
      if (row === undefined && type % 2n === 0n) return invalid(type, offset);
      if (row === undefined) unknown.push(record);
      else {
        const read = readKnown(row, record, position, offset);
        if ('refuse' in read) return read;
        shape[row.name] = read.accept;
      }
    } catch (error) {
      if (error instanceof WireError) return invalid(type, offset);
      throw error;
    }
  }
  return { accept: { ...shape, unknown } as Shape };
};

/** Whether a blinded route begins with this payload, as far as it can be read, whatever else is wrong with it. */
const isBlinded = (bytes: Uint8Array): boolean => {
  const r = new Reader(bytes);
  try {
    while (r.left > 0) {
      const type = bigsize.read(r);
      if (type === records.current_path_key.type) return true;
      r.bytes(Number(bigsize.read(r)));
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  return false;
};

/** Reads a forwarder's payload: records 2, 4 and 6 are required, those of final hops are refused. */
export const readForward = (bytes: Uint8Array): Reading<ForwardPayload> => {
  if (isBlinded(bytes)) return invalidBlinding;
  const scanned = scan(bytes, 'forward');
  if ('refuse' in scanned) return scanned;
  const shape = scanned.accept;
  if (shape.amt_to_forward === undefined) return invalid(records.amt_to_forward.type);
  if (shape.outgoing_cltv_value === undefined) return invalid(records.outgoing_cltv_value.type);
  if (shape.short_channel_id === undefined) return invalid(records.short_channel_id.type);
  return {
    accept: {
      shortChannelId: shape.short_channel_id,
      amtToForward: shape.amt_to_forward,
      outgoingCltvValue: shape.outgoing_cltv_value,
      custom: shape.unknown,
    },
  };
};

/** Reads a final hop's payload: records 2 and 4 are required, a short_channel_id is refused. */
export const readFinal = (bytes: Uint8Array): Reading<FinalPayload> => {
  const scanned = scan(bytes, 'final');
  if ('refuse' in scanned) return scanned;
  const shape = scanned.accept;
  if (shape.amt_to_forward === undefined) return invalid(records.amt_to_forward.type);
  if (shape.outgoing_cltv_value === undefined) return invalid(records.outgoing_cltv_value.type);
  const { payment_data, amp } = shape;
  return {
    accept: {
      amtToForward: shape.amt_to_forward,
      outgoingCltvValue: shape.outgoing_cltv_value,
      paymentData: payment_data && { paymentSecret: payment_data.payment_secret, totalMsat: payment_data.total_msat },
      paymentMetadata: shape.payment_metadata,
      amp: amp && { share: amp.root_share, setId: amp.set_id, childIndex: amp.child_index },
      keysend: shape.keysend,
      custom: shape.unknown,
    },
  };
};
