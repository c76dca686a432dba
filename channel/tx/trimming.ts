/** BOLT 3, "Trimmed Outputs": which HTLCs are too small to have an output of their own in a commitment. */
import { type Sat, sat } from '../../wire/units.ts';
import { type CommitmentFormat, type Direction, htlcTransactionFee } from './commitmentformats.ts';

/** The smallest HTLC that gets an output of its own on a commitment whose holder set this `dustLimit`. */
export const trimThreshold = (format: CommitmentFormat, feerate: number, dustLimit: Sat, direction: Direction): Sat =>
  sat(dustLimit + htlcTransactionFee(format, feerate, direction));

/** BOLT 3, "Trimmed Outputs": whether an HTLC has no output. Its millisatoshis are dropped before the comparison. */
export const isTrimmed = (
  format: CommitmentFormat,
  feerate: number,
  dustLimit: Sat,
  htlc: { readonly direction: Direction; readonly amount: bigint },
): boolean => htlc.amount / 1000n < trimThreshold(format, feerate, dustLimit, htlc.direction);
