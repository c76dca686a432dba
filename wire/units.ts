/**
 * Branded types for amounts, hashes, keys and ids. Brands are set only here and in the codecs, so a value of type `Msat` or `PaymentHash`
 * was checked where it entered the program.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Thousandths of a satoshi, never negative. */
export type Msat = Brand<bigint, 'msat'>;
/** Satoshis, never negative. */
export type Sat = Brand<bigint, 'sat'>;
/** SHA-256 of a preimage, 32 bytes. */
export type PaymentHash = Brand<Uint8Array, 'payment_hash'>;
/** The secret that claims an HTLC, 32 bytes. */
export type Preimage = Brand<Uint8Array, 'preimage'>;
/** A compressed secp256k1 point, 33 bytes. The curve equation is checked by whoever computes with it. */
export type Point = Brand<Uint8Array, 'point'>;
/** A secp256k1 scalar in 1..n-1, 32 bytes, big-endian. */
export type SecretKey = Brand<Uint8Array, 'secret_key'>;
/** A compact ECDSA signature r || s, 64 bytes. */
export type Signature = Brand<Uint8Array, 'signature'>;
/** A transaction id in internal byte order (as hashed, not as displayed), 32 bytes. */
export type Txid = Brand<Uint8Array, 'txid'>;
/** BOLT 2: funding txid xor output index, 32 bytes; before funding a random temporary one. */
export type ChannelId = Brand<Uint8Array, 'channel_id'>;
/** BOLT 7: block height (3 bytes), transaction index (3), output index (2) in one u64. */
export type ShortChannelId = Brand<bigint, 'short_channel_id'>;
/** The genesis block hash in internal byte order, 32 bytes. */
export type ChainHash = Brand<Uint8Array, 'chain_hash'>;

/** 21 million bitcoin in millisatoshi, the most that can ever exist. */
export const MAX_MONEY = 21_000_000n * 100_000_000_000n;

/** The lowest feerate, satoshi per 1,000 weight, that nodes relay by default: 1 sat/vbyte, rounded up (BOLT 3). */
export const FEERATE_FLOOR = 253;
/**
 * Blocks above the best block's height that an HTLC's cltv_expiry may lie: two weeks. One that could lock money for longer is neither
 * sent, forwarded nor accepted, by us or by others (BOLT 2 "Forwarding HTLCs", BOLT 4 `expiry_too_far`).
 */
export const MAX_EXPIRY_AHEAD = 2016;

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** An amount in millisatoshi. Throws RangeError below zero or above 2^64 - 1. */
export const msat = (n: bigint): Msat => {
  if (n < 0n || n > U64_MAX) throw new RangeError(`amount out of range: ${n} msat`);
  return n as Msat;
};

/** An amount in satoshi. Throws RangeError below zero or above 2^64 - 1. */
export const sat = (n: bigint): Sat => {
  if (n < 0n || n > U64_MAX) throw new RangeError(`amount out of range: ${n} sat`);
  return n as Sat;
};

export const addMsat = (a: Msat, b: Msat): Msat => msat(a + b);
/** a - b; throws RangeError rather than go below zero. */
export const subMsat = (a: Msat, b: Msat): Msat => msat(a - b);
export const addSat = (a: Sat, b: Sat): Sat => sat(a + b);
/** a - b; throws RangeError rather than go below zero. */
export const subSat = (a: Sat, b: Sat): Sat => sat(a - b);
export const sumMsat = (amounts: Iterable<Msat>): Msat => {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return msat(total);
};
export const toMsat = (amount: Sat): Msat => msat(amount * 1000n);
/** An amount in whole satoshis, rounded down as on-chain outputs are (BOLT 3). */
export const toSatFloor = (amount: Msat): Sat => sat(amount / 1000n);

const exact =
  <T>(name: string, length: number) =>
  (bytes: Uint8Array): T => {
    if (bytes.length !== length) throw new RangeError(`${name}: expected ${length} bytes, got ${bytes.length}`);
    return bytes as T;
  };

/** Each of these brands bytes, and throws RangeError where their length is wrong. */
export const paymentHash = exact<PaymentHash>('payment_hash', 32);
export const preimage = exact<Preimage>('preimage', 32);
export const secretKey = exact<SecretKey>('secret key', 32);
export const signature = exact<Signature>('signature', 64);
export const txid = exact<Txid>('txid', 32);
export const channelId = exact<ChannelId>('channel_id', 32);
export const chainHash = exact<ChainHash>('chain_hash', 32);

/** A compressed point: 33 bytes that begin with 2 or 3. Throws RangeError otherwise. */
export const point = (bytes: Uint8Array): Point => {
  if (bytes.length !== 33 || (bytes[0] !== 2 && bytes[0] !== 3))
    throw new RangeError('point: expected 33 bytes beginning with 02 or 03');
  return bytes as Point;
};

/** A short_channel_id from its u64. Throws RangeError outside 0..2^64 - 1. */
export const shortChannelId = (n: bigint): ShortChannelId => {
  if (n < 0n || n > U64_MAX) throw new RangeError(`short_channel_id out of range: ${n}`);
  return n as ShortChannelId;
};

/** BOLT 7, "Definition of short_channel_id". Throws RangeError when a part does not fit its field. */
export const scidOf = (height: number, txIndex: number, output: number): ShortChannelId => {
  if (height < 0 || height > 0xffffff || txIndex < 0 || txIndex > 0xffffff || output < 0 || output > 0xffff)
    throw new RangeError(`short_channel_id part out of range: ${height}x${txIndex}x${output}`);
  return shortChannelId((BigInt(height) << 40n) | (BigInt(txIndex) << 16n) | BigInt(output));
};

/** The parts of a short_channel_id. */
export const scidParts = (scid: ShortChannelId): { height: number; txIndex: number; output: number } => ({
  height: Number(scid >> 40n),
  txIndex: Number((scid >> 16n) & 0xffffffn),
  output: Number(scid & 0xffffn),
});

/** A short_channel_id as text, such as 103x1x0. */
export const scidText = (scid: ShortChannelId): string => {
  const { height, txIndex, output } = scidParts(scid);
  return `${height}x${txIndex}x${output}`;
};
