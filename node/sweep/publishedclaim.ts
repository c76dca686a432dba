/** The records of the claim engine: for each claim its last transaction, and for each channel the script its claims pay to. */
import { Transaction } from 'bitcoinjs-lib';
import { decode, encode, map, rest, struct, u32, u64 } from '../../wire/codec.ts';
import { type Sat, sat } from '../../wire/units.ts';

/** Last published for a claim. A restart must know its fee: only one that pays more can replace it. */
export interface PublishedClaim {
  readonly tx: Transaction;
  readonly fee: Sat;
  /** Height of the best block when the first version was published. */
  readonly since: number;
}

export const CLAIM_PREFIX = { published: 'claim/tx/', script: 'claim/script/' } as const;

const codec = struct({ since: u32, fee: map(u64, sat, (value): bigint => value), raw: rest });

/** The record: `since` (4 bytes), `fee` (8), transaction. */
export const encodePublished = ({ tx, fee, since }: PublishedClaim): Uint8Array =>
  encode(codec, { since, fee, raw: new Uint8Array(tx.toBuffer()) });

/** Throws WireError or RangeError on a damaged record. */
export const decodePublished = (record: Uint8Array): PublishedClaim => {
  const { since, fee, raw } = decode(codec, record);
  return { tx: Transaction.fromBuffer(raw), fee, since };
};
