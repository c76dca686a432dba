/**
 * BOLT 2 and BOLT 3: signatures of commitments and closing transactions, which spend the funding output, and of HTLC
 * transactions. This is the node's hot loop: a commitment_signed carries a signature for each untrimmed HTLC in flight, not only
 * for the new ones.
 */
import { script, type Transaction } from 'bitcoinjs-lib';
import { sign, verify } from '../../wire/crypto.ts';
import type { Point, Preimage, SecretKey, Signature } from '../../wire/units.ts';
import type { Commitment, HtlcOutput } from './commitment.ts';
import { SIGHASH_ALL } from './commitmentformats.ts';
import { sortedFundingKeys } from './funding.ts';
import { completeHtlcTransaction, htlcDigest, htlcDigests } from './htlctx.ts';
import { digestAll, type OneInput, type Spent, toTransaction } from './transaction.ts';

/** A transaction that spends the funding output. A Commitment and a Closing are such. */
export interface FundingSpend {
  readonly transaction: OneInput;
  readonly spent: Spent;
}

/** What commitment_signed carries; the HTLC signatures stand in output order. */
export interface CommitmentSignatures {
  readonly signature: Signature;
  readonly htlcSignatures: readonly Signature[];
}

/** What is wrong with the signatures of a commitment. */
export type SignatureFault =
  | { readonly code: 'invalid_commitment_signature' }
  | { readonly code: 'htlc_signature_count'; readonly expected: number; readonly got: number }
  | { readonly code: 'invalid_htlc_signature'; readonly index: number; readonly htlc: bigint };

/** One side's signature of a funding spend, with the funding key it belongs to. */
export interface FundingSignature {
  readonly key: Point;
  readonly signature: Signature;
}

/** A signature as a witness carries it: DER (at most 72 bytes with low S), then the hash type. */
export const derSignature = (signature: Signature, sighash: number): Uint8Array =>
  script.signature.encode(signature, sighash);

/** Signs a commitment's or closing transaction's only input with SIGHASH_ALL. */
export const signFundingSpend = ({ transaction, spent }: FundingSpend, fundingSecret: SecretKey): Signature =>
  sign(digestAll(transaction, spent), fundingSecret);

/** Whether the owner of a funding key signed this commitment or closing transaction. */
export const verifyFundingSpend = (
  { transaction, spent }: FundingSpend,
  { key, signature }: FundingSignature,
): boolean => verify(signature, digestAll(transaction, spent), key);

/** The commitment or closing transaction with both signatures, ready to publish; they are put in the order of the keys. */
export const completeFundingSpend = (
  { transaction, spent }: FundingSpend,
  a: FundingSignature,
  b: FundingSignature,
): Transaction => {
  const [first] = sortedFundingKeys(a.key, b.key);
  const ordered = first === a.key ? [a, b] : [b, a];
  return toTransaction(transaction, [
    new Uint8Array(),
    ...ordered.map(({ signature }) => derSignature(signature, SIGHASH_ALL)),
    spent.witnessScript,
  ]);
};

/**
 * Signs the counterparty's commitment and its HTLC transactions: we are the counterparty of its holder. `htlc` is the
 * secret of the commitment's `counterpartyHtlc` key (`deriveSecret` of our HTLC basepoint's at the holder's point).
 */
export const signCommitment = (
  commitment: Commitment,
  secrets: { readonly funding: SecretKey; readonly htlc: SecretKey },
): CommitmentSignatures => ({
  signature: signFundingSpend(commitment, secrets.funding),
  htlcSignatures: htlcDigests(commitment, commitment.content.format.htlcSighash).map((digest) =>
    sign(digest, secrets.htlc),
  ),
});

/** Checks the counterparty's signatures of the holder's commitment: undefined when there are exactly those it needs. */
export const verifyCommitment = (
  commitment: Commitment,
  { signature, htlcSignatures }: CommitmentSignatures,
): SignatureFault | undefined => {
  const { content, htlcs } = commitment;
  const { counterpartyFunding, counterpartyHtlc } = content.keys;
  if (htlcSignatures.length !== htlcs.length)
    return { code: 'htlc_signature_count', expected: htlcs.length, got: htlcSignatures.length };
  if (!verifyFundingSpend(commitment, { key: counterpartyFunding, signature }))
    return { code: 'invalid_commitment_signature' };
  const digests = htlcDigests(commitment, content.format.htlcSighash);
  for (const [i, { htlc, index }] of htlcs.entries()) {
    const [htlcSignature, digest] = [htlcSignatures[i], digests[i]];
    if (htlcSignature === undefined || digest === undefined || !verify(htlcSignature, digest, counterpartyHtlc))
      return { code: 'invalid_htlc_signature', index, htlc: htlc.id };
  }
  return undefined;
};

/** The holder's commitment with both signatures, ready to publish. */
export const completeCommitment = (
  commitment: Commitment,
  counterpartySignature: Signature,
  fundingSecret: SecretKey,
): Transaction => {
  const { holderFunding, counterpartyFunding } = commitment.content.keys;
  return completeFundingSpend(
    commitment,
    { key: holderFunding, signature: signFundingSpend(commitment, fundingSecret) },
    { key: counterpartyFunding, signature: counterpartySignature },
  );
};

/**
 * The holder's HTLC-success (with the preimage) or HTLC-timeout transaction with both signatures. `htlcSecret` is the
 * secret of the commitment's `holderHtlc` key. Throws RangeError when a received HTLC comes without its preimage.
 */
export const completeHtlc = (
  commitment: Commitment,
  output: HtlcOutput,
  counterpartySignature: Signature,
  htlcSecret: SecretKey,
  preimage: Preimage | undefined,
): Transaction => {
  if ((output.htlc.direction === 'received') !== (preimage !== undefined))
    throw new RangeError('a received HTLC is claimed with its preimage, an offered one without');
  return completeHtlcTransaction(
    commitment,
    output,
    {
      counterparty: derSignature(counterpartySignature, commitment.content.format.htlcSighash),
      holder: derSignature(sign(htlcDigest(commitment, output), htlcSecret), SIGHASH_ALL),
    },
    preimage,
  );
};
