/** AMP sets made for tests by the schemes themselves: what a payer would send, HTLC by HTLC. */

import type { InvoiceTerms } from '../../amp/io.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { schemes } from '../../amp/schemes.ts';
import { child } from '../../amp/shares.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { bytes32, type Htlc, keyOf, peerOf } from './receiver.ts';

export interface SetWish {
  readonly scheme: string;
  /** HTLCs. */
  readonly parts: number;
  /** Shares in all or, where any so many will do, those that are needed; as many as parts unless told. */
  readonly shares?: number;
  readonly seed?: number;
  readonly firstKey?: number;
  /** Of each HTLC, msat. */
  readonly amount?: bigint;
  readonly invoice?: InvoiceTerms;
  readonly expiry?: number;
}

/** A row of the table of schemes. */
export const schemeNamed = (name: string): Scheme => {
  const scheme = schemes.get(name);
  if (scheme === undefined) throw new RangeError(`no scheme ${name}`);
  return scheme;
};

/** The HTLCs of one payment, in the order in which their shares are made. */
export const amp = (wish: SetWish): readonly Htlc[] => {
  const { scheme: name, parts, shares = parts, seed = 1, firstKey = 0, amount = 1000n, invoice, expiry = 540 } = wish;
  const scheme = schemeNamed(name);
  const entropy = bytes32(seed);
  let sender = scheme.begin(entropy, shares);
  return Array.from({ length: parts }, (_, i): Htlc => {
    const last = i === parts - 1;
    const [shard, next] = scheme.nextShard(sender, entropy, last, last && scheme.furtherBlobs ? 1 + shares - parts : 1);
    sender = next;
    return {
      key: keyOf(firstKey + i),
      peer: peerOf(1),
      amount: msat(amount),
      expiry,
      paymentHash: child(sender.root, shard.index).paymentHash,
      payload: {
        kind: 'eob',
        amount: msat(amount),
        expiry,
        scheme: name,
        paymentId: invoice?.paymentSecret.slice(0, 11) ?? zeros(11),
        blobs: shard.shares.map((share) => ({ setId: sender.setId, ...share })),
      },
      invoice,
    };
  });
};

/** The first blob of an HTLC that has some. */
export const blobOf = ({ payload }: Htlc): Extract<Htlc['payload'], { kind: 'eob' }>['blobs'][number] => {
  const blob = payload.kind === 'eob' ? payload.blobs[0] : undefined;
  if (blob === undefined) throw new RangeError('an HTLC without blobs');
  return blob;
};

/** An HTLC whose blobs are changed. */
export const withBlobs = (
  htlc: Htlc,
  change: (
    blob: Extract<Htlc['payload'], { kind: 'eob' }>['blobs'][number],
  ) => Partial<Extract<Htlc['payload'], { kind: 'eob' }>['blobs'][number]>,
): Htlc => {
  const { payload } = htlc;
  if (payload.kind !== 'eob') return htlc;
  return { ...htlc, payload: { ...payload, blobs: payload.blobs.map((blob) => ({ ...blob, ...change(blob) })) } };
};

export const ampInvoice = (amount: bigint | undefined, n = 7): InvoiceTerms => ({
  id: `invoice ${n}`,
  kind: 'eob_amp',
  status: 'open',
  amount: amount === undefined ? undefined : msat(amount),
  paymentSecret: bytes32(1000 + n),
  preimage: undefined,
  minFinalCltv: 18,
});
