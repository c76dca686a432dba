/**
 * The parameters that appendices C and F of BOLT 3 share, as commitment contents. Local is the holder and the opener; the
 * HTLC basepoints equal the payment basepoints there.
 */
import { readFileSync } from 'node:fs';
import type { CommitmentContent, CommitmentHtlc } from '../../channel/tx/commitment.ts';
import type { CommitmentFormat } from '../../channel/tx/commitmentformats.ts';
import { type Basepoints, commitmentKeys, obscuringFactor } from '../../channel/tx/keys.ts';
import { reversed, unhex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { msat, paymentHash, point, preimage, sat, secretKey, txid } from '../../wire/units.ts';

/** A vector file of test/vectors. */
export const vectorsOf = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;

export type Params = Readonly<Record<string, string>>;

const field = (params: Params, name: string): string => {
  const value = params[name];
  if (value === undefined) throw new Error(`the vectors have no parameter ${name}`);
  return value;
};
export const pointOf = (params: Params, name: string) => point(unhex(field(params, name)));
/** Secrets stand there with a trailing 01, Bitcoin's mark for keys whose point is compressed. */
export const secretOf = (params: Params, name: string) => secretKey(unhex(field(params, name).slice(0, 64)));
export const preimageOf = (params: Params, id: bigint) => preimage(unhex(field(params, `htlc_${id}_payment_preimage`)));

const htlc = (params: Params, id: number): CommitmentHtlc => ({
  id: BigInt(id),
  direction: field(params, `htlc_${id}_direction`) === 'local->remote' ? 'offered' : 'received',
  amount: msat(BigInt(field(params, `htlc_${id}_amount_msat`))),
  paymentHash: paymentHash(sha256(preimageOf(params, BigInt(id)))),
  cltvExpiry: Number(field(params, `htlc_${id}_expiry`)),
});

/** The basepoints of both sides; those that the appendix leaves out (they do not enter a local commitment) repeat others. */
export const basepoints = (params: Params): { readonly local: Basepoints; readonly remote: Basepoints } => ({
  local: {
    funding: pointOf(params, 'local_funding_pubkey'),
    revocation: pointOf(params, 'local_payment_basepoint'),
    payment: pointOf(params, 'local_payment_basepoint'),
    delayedPayment: pointOf(params, 'local_delayed_payment_basepoint'),
    htlc: pointOf(params, 'local_htlc_basepoint'),
  },
  remote: {
    funding: pointOf(params, 'remote_funding_pubkey'),
    revocation: pointOf(params, 'remote_revocation_basepoint'),
    payment: pointOf(params, 'remote_payment_basepoint'),
    delayedPayment: pointOf(params, 'remote_payment_basepoint'),
    htlc: pointOf(params, 'remote_htlc_basepoint'),
  },
});

export interface Case {
  readonly format: CommitmentFormat;
  readonly toLocal: number;
  readonly toRemote: number;
  readonly feerate: number;
  readonly dustLimit: number;
  readonly htlcs: readonly number[];
}

/** The content of local's commitment 42 in one case of an appendix. */
export const contentOf = (params: Params, { format, toLocal, toRemote, feerate, dustLimit, htlcs }: Case) => {
  const { local, remote } = basepoints(params);
  const content: CommitmentContent = {
    format,
    funding: {
      txid: txid(reversed(unhex(field(params, 'funding_tx_id')))),
      index: Number(field(params, 'funding_output_index')),
    },
    fundingAmount: sat(BigInt(field(params, 'funding_amount_satoshi'))),
    obscuring: obscuringFactor(local.payment, remote.payment),
    number: Number(field(params, 'commitment_number')),
    keys: commitmentKeys(local, remote, pointOf(params, 'local_per_commitment_point')),
    toSelfDelay: Number(field(params, 'local_delay')),
    dustLimit: sat(BigInt(dustLimit)),
    opener: 'holder',
    feerate,
    toHolder: msat(BigInt(toLocal)),
    toCounterparty: msat(BigInt(toRemote)),
    htlcs: htlcs.map((id) => htlc(params, id)),
  };
  return content;
};
