/** The funding output that a channel lives in: its script, its outpoint, and the channel_id made from them (BOLT 2, 3). */
import { compare } from '../../wire/bytes.ts';
import { type ChannelId, channelId, type Point, type Txid } from '../../wire/units.ts';
import { multisig, p2wsh } from './script.ts';

/** An output of a transaction: txid in internal byte order and output index. */
export interface Outpoint {
  readonly txid: Txid;
  readonly index: number;
}

/** The two funding keys, the lesser one first: the order in the script and of the signatures in its witness. */
export const sortedFundingKeys = (a: Point, b: Point): readonly [Point, Point] =>
  compare(a, b) <= 0 ? [a, b] : [b, a];

/** BOLT 3, "Funding Transaction Output": the 2-of-2 witness script, the same whichever side's key is given first. */
export const fundingScript = (a: Point, b: Point): Uint8Array => multisig(...sortedFundingKeys(a, b));

/** The scriptpubkey of the funding output: P2WSH of {@link fundingScript}, 34 bytes. */
export const fundingOutputScript = (a: Point, b: Point): Uint8Array => p2wsh(fundingScript(a, b));

/** BOLT 2, "Definition of channel_id": the funding txid with its last two bytes XORed with the output index (big-endian). */
export const channelIdOf = ({ txid, index }: Outpoint): ChannelId => {
  const id = Uint8Array.from(txid);
  id[30] = (id[30] ?? 0) ^ (index >>> 8);
  id[31] = (id[31] ?? 0) ^ (index & 0xff);
  return channelId(id);
};
