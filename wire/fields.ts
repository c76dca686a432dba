/**
 * The fields messages are made of. Each codec puts the brand of units.ts on what it reads, so a decoded message is already
 * typed by meaning. Tables use these constants rather than codecs of their own.
 */
import { bytes, bytes16, type Codec, list, many, map, rest, struct, u8, u16, u32, u64, WireError } from './codec.ts';
import * as units from './units.ts';

/** A branded run of bytes. */
const run = <T extends Uint8Array>(length: number, brand: (raw: Uint8Array) => T): Codec<T> =>
  map<Uint8Array, T>(bytes(length), brand, (value) => value);
const integer = <T extends bigint>(brand: (raw: bigint) => T): Codec<T> => map<bigint, T>(u64, brand, (value) => value);

export const point = run(33, units.point);
export const signature = run(64, units.signature);
export const channelId = run(32, units.channelId);
export const paymentHash = run(32, units.paymentHash);
export const preimage = run(32, units.preimage);
export const secretKey = run(32, units.secretKey);
export const txid = run(32, units.txid);
export const chainHash = run(32, units.chainHash);
/** 32 bytes of no further meaning: a hash, or a field that may be all zero. */
export const bytes32 = bytes(32);

/** u64 amounts. */
export const msat = integer(units.msat);
export const sat = integer(units.sat);
/** Amounts of balances and transfers: a message with more than 21 million bitcoin is refused. */
const bounded = <T extends bigint>(item: Codec<T>, most: bigint): Codec<T> => ({
  write: (w, value) => {
    if (value > most) throw new RangeError(`expected at most 21 million bitcoin, got ${value}`);
    item.write(w, value);
  },
  read: (r) => {
    const value = item.read(r);
    if (value > most)
      throw new WireError({ code: 'invalid_value', expected: `at most 21 million bitcoin, got ${value}` });
    return value;
  },
});
export const boundedMsat = bounded(msat, units.MAX_MONEY);
export const boundedSat = bounded(sat, units.MAX_MONEY / 1000n);
/** An amount in a u32, as in `fee_base_msat`. */
export const msat32: Codec<units.Msat> = map(u32, (n) => units.msat(BigInt(n)), Number);
export const shortChannelId = integer(units.shortChannelId);

/** BOLT 4: version (1), ephemeral point (33), hops_data (1300), hmac (32). */
export const ONION_BYTES = 1366;
export const onionPacket = bytes(ONION_BYTES);
/** `red green blue`. */
export const rgb = bytes(3);

/** BOLT 2, "Removing an HTLC": hold times of 20 hops and the 210 HMACs of 4 bytes that protect them (BOLT 4, "Returning Errors"). */
export const attributionData = struct({
  htlc_hold_times: exactly(20, u32),
  truncated_hmacs: bytes(840),
});

/** Bounds for the fee of a closing transaction. */
export const feeRange = struct({ min_fee_satoshis: sat, max_fee_satoshis: sat });
/** A funding transaction and what to send again for it. */
export const fundingLocked = struct({ txid, retransmit_flags: u8 });

/** A script, a bitmap or other bytes behind a u16 length; or all of a record. */
export const script = bytes16;
export const scriptRecord = rest;
export const featureBits = bytes16;
export const featureRecord = rest;
export const chainHashes = many(chainHash);

/** As many items as `count` says, no count on the wire. */
function exactly<T>(count: number, item: Codec<T>): Codec<readonly T[]> {
  return {
    write: (w, values) => {
      if (values.length !== count) throw new RangeError(`expected ${count} items, got ${values.length}`);
      for (const value of values) item.write(w, value);
    },
    read: (r) => Array.from({ length: count }, () => item.read(r)),
  };
}

/** `u16 count`, then the signatures of a commitment's HTLCs. */
export const signatures = list(u16, signature);
