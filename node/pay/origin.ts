/**
 * What a channel of ours offered an HTLC for: a forwarded HTLC of another channel, or a payment of our own. The channel saves these
 * bytes with the HTLC, so the link between both is exactly as durable as the HTLC itself.
 */

import { text, utf8 } from '../../wire/bytes.ts';
import { bytes16, decode, encode, map, struct, u32, u64, union, type ValueOf } from '../../wire/codec.ts';

const name = map(bytes16, text, utf8);
const origin = union('kind', {
  forward: { id: 1, body: struct({ channel: name, id: u64 }) },
  payment: { id: 2, body: struct({ payment: name, attempt: u32 }) },
  sendpay: { id: 3, body: struct({ number: u64 }) },
  probe: { id: 4, body: struct({ number: u64 }) },
});

/**
 * `forward`: the incoming channel's key and HTLC id. `payment`: its id and the attempt's number. `sendpay`: the number of its record.
 * `probe`: its number since the node was started, for nothing of a probe is kept.
 */
export type Origin = ValueOf<typeof origin>;
/** Of an HTLC that this node sent for itself. */
export type OwnOrigin = Exclude<Origin, { kind: 'forward' }>;

/** The bytes a channel is given with an offer. */
export const encodeOrigin = (value: Origin): Uint8Array => encode(origin, value);
/** Reads them back. Throws WireError when a record is damaged. */
export const decodeOrigin = (bytes: Uint8Array): Origin => decode(origin, bytes);
/** The channel's key and the HTLC's id from a name that `htlcName` (amp/sets.ts) made. */
export const fromHtlcName = (name: string): { readonly channel: string; readonly id: bigint } => {
  const at = name.lastIndexOf('/');
  return { channel: name.slice(0, at), id: BigInt(name.slice(at + 1)) };
};
