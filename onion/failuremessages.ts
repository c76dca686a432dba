/**
 * BOLT 4, "Failure Messages": name, code and data in one row each; types and codecs follow from the rows. Codes that only
 * older nodes send are rows too. A code that is not in the table is read as `unknown`, and its flags still count.
 */
import { concat, u16be } from '../wire/bytes.ts';
import {
  bytes16,
  type Codec,
  decode,
  encode,
  map,
  Reader,
  rest,
  struct,
  u16,
  u32,
  type ValueOf,
  WireError,
} from '../wire/codec.ts';
import { sha256 } from '../wire/crypto.ts';
import { bytes32, msat } from '../wire/fields.ts';
import { bigsize } from '../wire/tlv.ts';
import { SIGNAL_OFFSET } from './eobframe.ts';

/** The onion could not be read; reported by the node behind it. */
export const BADONION = 0x8000;
/** The failure is permanent. */
export const PERM = 0x4000;
/** About the node rather than one channel. */
export const NODE = 0x2000;
/** The channel's advertised parameters were not met. */
export const UPDATE = 0x1000;

const CHANNEL_UPDATE_TYPE = u16be(258);

/**
 * A channel_update with its two type bytes, or no bytes at all, which is what we and newer nodes send. Some older nodes
 * leave the type out; it is added on reading, so that there is one form. BOLT 4 forbids applying the update to the graph.
 */
const channel_update: Codec<Uint8Array> = map(
  bytes16,
  (raw) => (raw.length === 0 || (raw[0] === 1 && raw[1] === 2) ? raw : concat(CHANNEL_UPDATE_TYPE, raw)),
  (update) => update,
);

const none = struct({});
const onion = struct({ sha256_of_onion: bytes32 });
const update = struct({ channel_update });
const amountAndUpdate = struct({ htlc_msat: msat, channel_update });

export const failures = {
  invalid_realm: { code: PERM | 1, data: none },
  temporary_node_failure: { code: NODE | 2, data: none },
  permanent_node_failure: { code: PERM | NODE | 2, data: none },
  required_node_feature_missing: { code: PERM | NODE | 3, data: none },
  invalid_onion_version: { code: BADONION | PERM | 4, data: onion },
  invalid_onion_hmac: { code: BADONION | PERM | 5, data: onion },
  invalid_onion_key: { code: BADONION | PERM | 6, data: onion },
  temporary_channel_failure: { code: UPDATE | 7, data: update },
  permanent_channel_failure: { code: PERM | 8, data: none },
  required_channel_feature_missing: { code: PERM | 9, data: none },
  unknown_next_peer: { code: PERM | 10, data: none },
  amount_below_minimum: { code: UPDATE | 11, data: amountAndUpdate },
  fee_insufficient: { code: UPDATE | 12, data: amountAndUpdate },
  incorrect_cltv_expiry: { code: UPDATE | 13, data: struct({ cltv_expiry: u32, channel_update }) },
  expiry_too_soon: { code: UPDATE | 14, data: update },
  incorrect_or_unknown_payment_details: { code: PERM | 15, data: struct({ htlc_msat: msat, height: u32 }) },
  incorrect_payment_amount: { code: PERM | 16, data: none },
  final_expiry_too_soon: { code: 17, data: none },
  final_incorrect_cltv_expiry: { code: 18, data: struct({ cltv_expiry: u32 }) },
  final_incorrect_htlc_amount: { code: 19, data: struct({ incoming_htlc_amt: msat }) },
  channel_disabled: { code: UPDATE | 20, data: struct({ disabled_flags: u16, channel_update }) },
  expiry_too_far: { code: 21, data: none },
  invalid_onion_payload: { code: PERM | 22, data: struct({ type: bigsize, offset: u16 }) },
  mpp_timeout: { code: 23, data: none },
  invalid_onion_blinding: { code: BADONION | PERM | 24, data: onion },
} as const;

type Table = typeof failures;
export type FailureName = keyof Table;
/** One row's failure: `{ name, ...its data }`, data fields spelled as in BOLT 4. */
export type FailureOf<K extends FailureName> = { readonly name: K } & ValueOf<Table[K]['data']>;
export type KnownFailure = { [K in FailureName]: FailureOf<K> }[FailureName];
/** A code without a row, or data that its row cannot read. */
export interface UnknownFailure {
  readonly name: 'unknown';
  readonly code: number;
  readonly data: Uint8Array;
}
export type Failure = KnownFailure | UnknownFailure;

/** How a hop reads the bytes meant for it: as a value, or as the failure to send back. */
export type Reading<T> = { readonly accept: T } | { readonly refuse: Failure };

/** The failure for a frame whose signal is invalid at this hop. A frame has no records, so only the offset says what is wrong. */
export const invalidSignal = {
  refuse: { name: 'invalid_onion_payload', type: 0n, offset: SIGNAL_OFFSET },
} as const satisfies Reading<never>;

/** Failures that `update_fail_malformed_htlc` may report. */
export type MalformedName =
  | 'invalid_onion_version'
  | 'invalid_onion_hmac'
  | 'invalid_onion_key'
  | 'invalid_onion_blinding';
export type MalformedFailure = FailureOf<MalformedName>;

const byCode: ReadonlyMap<number, FailureName> = new Map(
  Object.entries(failures).map(([name, { code }]) => [code, name as FailureName]),
);

/** The u16 failure code on the wire. */
export const failureCode = (failure: Failure): number =>
  failure.name === 'unknown' ? failure.code : failures[failure.name].code;

/** BOLT 4's name of a code; undefined for an unknown code. */
export const failureNameOf = (code: number): FailureName | undefined => byCode.get(code);

/** `failuremsg`: code, then data. Throws WireError when a field does not fit. */
export const encodeFailure = (failure: Failure): Uint8Array => {
  const data: Codec<object> = failure.name === 'unknown' ? struct({ data: rest }) : failures[failure.name].data;
  return concat(encode(u16, failureCode(failure)), encode(data, failure));
};

/** Bytes of a `failuremsg` up to which all failures are padded to the same length (BOLT 4, "Returning Errors"). */
const LONGEST_PADDED = 256;

/** Throws WireError or RangeError for a failure that is not to be sent: one of no row, of unfit data, or longer than 256 bytes. */
export const checkFailure = (failure: Failure): void => {
  const { length } = encodeFailure(failure);
  if (length > LONGEST_PADDED)
    throw new RangeError(`expected a failure of at most ${LONGEST_PADDED} bytes, got ${length}`);
};

/**
 * The failure in a `failuremsg`. Never throws: BOLT 4 has the origin ignore bytes behind the data, such as a TLV stream, and
 * a code that is not in the table, or whose data is cut short, comes back as `unknown`. Fewer than two bytes read as code 0.
 */
export const decodeFailure = (message: Uint8Array): Failure => {
  if (message.length < 2) return { name: 'unknown', code: 0, data: message };
  const code = decode(u16, message.subarray(0, 2));
  const data = message.slice(2);
  const name = byCode.get(code);
  if (name === undefined) return { name: 'unknown', code, data };
  try {
    return { name, ...failures[name].data.read(new Reader(data)) } as KnownFailure;
  } catch (error) {
    if (error instanceof WireError) return { name: 'unknown', code, data };
    throw error;
  }
};

/** The answer to a packet that cannot be read, with the SHA-256 of that packet. */
export const malformed = (name: MalformedName, packet: Uint8Array): MalformedFailure => ({
  name,
  sha256_of_onion: sha256(packet),
});

/**
 * BOLT 2, "Removing an HTLC": the failure that a node reports to the origin in place of the next one, which could not read its onion,
 * made of the fields of `update_fail_malformed_htlc`. That the code has the BADONION bit is checked by the channel.
 */
export const failureOfMalformed = (code: number, sha256OfOnion: Uint8Array): Failure =>
  decodeFailure(concat(encode(u16, code), sha256OfOnion));
