/**
 * BOLT 3, "Fees": what commitments and HTLC transactions weigh and cost; `trimming.ts` says which HTLCs are too small for an output.
 * One row of data for each commitment format; nothing else in the tree asks which format it is by name.
 */
import { type Sat, sat } from '../../wire/units.ts';

/** BIP 143 signature hash types. */
export const SIGHASH_ALL = 0x01;
export const SIGHASH_SINGLE_ANYONECANPAY = 0x83;

/** An HTLC as the holder of a commitment sees it: `offered` pays the other side, `received` pays the holder. */
export type Direction = 'offered' | 'received';

export interface CommitmentFormat {
  readonly name: 'static_remotekey' | 'anchors_zero_fee_htlc_tx';
  /** Expected weight without HTLCs (appendix A: 73-byte signatures, both main outputs present). */
  readonly weight: bigint;
  /** What each untrimmed HTLC adds to it. */
  readonly htlcOutputWeight: bigint;
  /** Expected weight of the transaction that ends an HTLC: HTLC-timeout for `offered`, HTLC-success for `received`. */
  readonly htlcTransactionWeight: Readonly<Record<Direction, bigint>>;
  /** Whether HTLC transactions pay a fee out of the HTLC; otherwise whoever publishes one adds inputs. */
  readonly htlcTransactionsPayFee: boolean;
  /** Value of each side's anchor; undefined when the format has none. */
  readonly anchor: Sat | undefined;
  /** nSequence of the input of an HTLC transaction. */
  readonly htlcSequence: 0 | 1;
  /** How the counterparty signs the holder's HTLC transactions. The holder's own signature is always SIGHASH_ALL. */
  readonly htlcSighash: number;
  /** Whether every output but the anchors waits for one confirmation (to_remote is then a P2WSH). */
  readonly confirmedSpendsOnly: boolean;
}

/** Both formats, by their channel type's name. */
export const formats = {
  static_remotekey: {
    name: 'static_remotekey',
    weight: 724n,
    htlcOutputWeight: 172n,
    htlcTransactionWeight: { offered: 663n, received: 703n },
    htlcTransactionsPayFee: true,
    anchor: undefined,
    htlcSequence: 0,
    htlcSighash: SIGHASH_ALL,
    confirmedSpendsOnly: false,
  },
  anchors_zero_fee_htlc_tx: {
    name: 'anchors_zero_fee_htlc_tx',
    weight: 1124n,
    htlcOutputWeight: 172n,
    htlcTransactionWeight: { offered: 666n, received: 706n },
    htlcTransactionsPayFee: false,
    anchor: sat(330n),
    htlcSequence: 1,
    htlcSighash: SIGHASH_SINGLE_ANYONECANPAY,
    confirmedSpendsOnly: true,
  },
} as const satisfies { readonly [N in CommitmentFormat['name']]: CommitmentFormat & { readonly name: N } };

/** `weight` units at `feerate` satoshi per 1000 units, rounded down. */
export const feeForWeight = (feerate: number, weight: bigint): Sat => sat((BigInt(feerate) * weight) / 1000n);

/** BOLT 3, "Fee Calculation": the base fee of a commitment with that many untrimmed HTLCs. The opener pays it. */
export const commitmentFee = (format: CommitmentFormat, feerate: number, untrimmedHtlcs: number): Sat =>
  feeForWeight(feerate, format.weight + format.htlcOutputWeight * BigInt(untrimmedHtlcs));

/** All the opener pays for a commitment: the base fee and, where the format has them, both anchors. */
export const openerCost = (format: CommitmentFormat, feerate: number, untrimmedHtlcs: number): Sat =>
  sat(commitmentFee(format, feerate, untrimmedHtlcs) + 2n * (format.anchor ?? 0n));

/** The fee taken out of an HTLC by its HTLC-timeout (`offered`) or HTLC-success (`received`) transaction. */
export const htlcTransactionFee = (format: CommitmentFormat, feerate: number, direction: Direction): Sat =>
  format.htlcTransactionsPayFee ? feeForWeight(feerate, format.htlcTransactionWeight[direction]) : sat(0n);
