/**
 * BOLT 11: invoices, which are requests for payment as one line of text, signed by the payee. Decoding an invoice does not decide whether
 * it may be paid, so that a wallet can show an invoice that it refuses to pay.
 */
import { bytesOf, decodeBech32, encodeBech32, integerOf, paddedBytesOf, wordsOf } from './bech32.ts';
import { concat, utf8 } from './bytes.ts';
import type { ChainName } from './chains.ts';
import { recover, sha256, verify } from './crypto.ts';
import { type FeatureFault, missingDependency, unmetFeature } from './features.ts';
import { InvoiceError } from './invoice/errors.ts';
import { type Fallback, type Field, fieldName, type RouteHop, readFields, writeField } from './invoice/fields.ts';
import { readPrefix, writePrefix } from './invoice/prefix.ts';
import { type Msat, type PaymentHash, type Point, type Signature, signature } from './units.ts';

/** An invoice with a valid signature. */
export interface Invoice {
  readonly network: ChainName;
  /** Undefined: the payer chooses. */
  readonly amount: Msat | undefined;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly paymentHash: PaymentHash;
  /** 32 bytes. */
  readonly paymentSecret: Uint8Array | undefined;
  /** Either this or `descriptionHash`. From a stranger: escape it before showing it. */
  readonly description: string | undefined;
  /** SHA-256 of a description that is somewhere else. */
  readonly descriptionHash: Uint8Array | undefined;
  /** The payee field, or the key recovered from the signature. */
  readonly payee: Point;
  /** Seconds after `timestamp`. */
  readonly expiry: number;
  /** Blocks that the last HTLC must leave to the payee. */
  readonly minFinalCltvExpiryDelta: number;
  /** A bitmap as in features.ts. */
  readonly features: Uint8Array;
  /** payment_metadata, which the payer sends to the payee. */
  readonly metadata: Uint8Array | undefined;
  /** On-chain addresses, the preferred one first. */
  readonly fallbacks: readonly Fallback[];
  /** Route hints: from a public node to the payee. */
  readonly routes: readonly (readonly RouteHop[])[];
  /** All fields as they are in the invoice, unknown ones too. */
  readonly fields: readonly Field[];
  readonly signature: Signature;
}

/** BOLT 11: expiry of an invoice without `x`, seconds. */
export const DEFAULT_EXPIRY = 3600;
/** BOLT 11: the delta of an invoice without `c`. */
export const DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA = 18;

/** Longer texts are refused unread. The longest sensible invoice has a tenth of this. */
const MAX_CHARACTERS = 65_536;
const TIMESTAMP_WORDS = 7;
const SIGNATURE_WORDS = 104;

/** BOLT 11: the prefix and the words before the signature, zero bits up to a whole byte. */
const digestOf = (prefix: string, words: Uint8Array): Uint8Array => sha256(utf8(prefix), paddedBytesOf(words));

type ValueOf<K extends Field['tag']> = Extract<Field, { tag: K }>['value'];

const all = <K extends Field['tag']>(fields: readonly Field[], tag: K): readonly ValueOf<K>[] =>
  fields.flatMap((field) => (field.tag === tag ? [field.value as ValueOf<K>] : []));
/** The value of the first field of a kind: BOLT 11 has the preferred one first. */
const first = <K extends Field['tag']>(fields: readonly Field[], tag: K): ValueOf<K> | undefined => all(fields, tag)[0];

/** BOLT 11: a named payee must have signed with low S; without a name, whoever the signature recovers to is the payee. */
const payeeOf = (named: Point | undefined, signed: Signature, recovery: number, digest: Uint8Array): Point => {
  const payee = named === undefined ? recover(signed, recovery, digest) : named;
  if (payee === undefined || recovery > 3 || (named !== undefined && !verify(signed, digest, named)))
    throw new InvoiceError({ code: 'bad_signature' });
  return payee;
};

/**
 * Reads an invoice in either case, with or without `lightning:` in front, and checks its signature. Throws InvoiceError.
 * A missing payment secret, an expiry in the past or unknown features do not hinder reading: see `checkPayable`.
 */
export const decodeInvoice = (text: string): Invoice => {
  if (text.length > MAX_CHARACTERS)
    throw new InvoiceError({ code: 'text_too_long', length: text.length, limit: MAX_CHARACTERS });
  const bech32 = decodeBech32(text.trim().replace(/^lightning:/i, ''));
  if (typeof bech32 === 'string') throw new InvoiceError({ code: 'not_bech32', reason: bech32 });
  const { prefix, words } = bech32;
  const { network, amount } = readPrefix(prefix);
  const end = words.length - SIGNATURE_WORDS;
  if (end < TIMESTAMP_WORDS)
    throw new InvoiceError({ code: 'too_short', words: words.length, least: TIMESTAMP_WORDS + SIGNATURE_WORDS });

  const fields = readFields(words.subarray(TIMESTAMP_WORDS, end));
  const paymentHash = first(fields, 'p');
  if (paymentHash === undefined) throw new InvoiceError({ code: 'missing_field', field: fieldName('p') });
  const description = first(fields, 'd');
  const descriptionHash = first(fields, 'h');
  if (description === undefined && descriptionHash === undefined)
    throw new InvoiceError({ code: 'missing_field', field: `${fieldName('d')} or ${fieldName('h')}` });
  if (description !== undefined && descriptionHash !== undefined) throw new InvoiceError({ code: 'both_descriptions' });

  const signed = bytesOf(words.subarray(end));
  const compact = signature(signed.slice(0, 64));
  return {
    network,
    amount,
    timestamp: integerOf(words.subarray(0, TIMESTAMP_WORDS)),
    paymentHash,
    paymentSecret: first(fields, 's'),
    description,
    descriptionHash,
    payee: payeeOf(first(fields, 'n'), compact, signed[64] ?? 0, digestOf(prefix, words.subarray(0, end))),
    expiry: first(fields, 'x') ?? DEFAULT_EXPIRY,
    minFinalCltvExpiryDelta: first(fields, 'c') ?? DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA,
    features: first(fields, '9') ?? new Uint8Array(0),
    metadata: first(fields, 'm'),
    fallbacks: all(fields, 'f'),
    routes: all(fields, 'r'),
    fields,
    signature: compact,
  };
};

/** The contents of an invoice to write. Fields that are left out are not written and have BOLT 11's defaults. */
export type InvoiceDraft = {
  readonly network: ChainName;
  readonly amount?: Msat | undefined;
  /** Seconds since 1970, 35 bits. */
  readonly timestamp: number;
  readonly paymentHash: PaymentHash;
  readonly paymentSecret: Uint8Array;
  /** Only needed where whoever reads the invoice cannot recover a key from a signature. */
  readonly payee?: Point | undefined;
  readonly expiry?: number | undefined;
  readonly minFinalCltvExpiryDelta?: number | undefined;
  readonly features?: Uint8Array | undefined;
  readonly metadata?: Uint8Array | undefined;
  readonly fallbacks?: readonly Fallback[];
  readonly routes?: readonly (readonly RouteHop[])[];
} & ({ readonly description: string } | { readonly descriptionHash: Uint8Array });

/** Signs a 32-byte digest with the payee's key: `(digest) => signRecoverable(digest, secret)`. */
export type InvoiceSigner = (digest: Uint8Array) => { readonly signature: Signature; readonly recovery: number };

/** The fields of a draft, in the order of most examples of BOLT 11. */
const fieldsOf = (draft: InvoiceDraft): readonly Field[] => {
  const { payee, expiry, minFinalCltvExpiryDelta, features, metadata } = draft;
  const one = <K extends Field['tag']>(tag: K, value: ValueOf<K> | undefined): readonly Field[] =>
    value === undefined ? [] : [{ tag, value } as Field];
  return [
    ...one('s', draft.paymentSecret),
    ...one('p', draft.paymentHash),
    ...('description' in draft ? one('d', draft.description) : one('h', draft.descriptionHash)),
    ...one('m', metadata),
    ...one('n', payee),
    ...one('x', expiry),
    ...one('c', minFinalCltvExpiryDelta),
    ...(draft.fallbacks ?? []).flatMap((fallback) => one('f', fallback)),
    ...(draft.routes ?? []).flatMap((route) => one('r', route)),
    ...one('9', features?.some((byte) => byte !== 0) ? features : undefined),
  ];
};

/** Writes and signs fields in the order given. Throws InvoiceError for a value that does not fit its field. */
export const encodeFields = (
  head: { readonly network: ChainName; readonly amount: Msat | undefined; readonly timestamp: number },
  fields: readonly Field[],
  sign: InvoiceSigner,
): string => {
  const { timestamp } = head;
  if (!Number.isInteger(timestamp) || timestamp < 0 || timestamp >= 2 ** 35)
    throw new InvoiceError({
      code: 'bad_field',
      field: 'timestamp',
      reason: 'expected seconds since 1970 that fit 35 bits',
    });
  const prefix = writePrefix(head);
  const seconds = Uint8Array.from({ length: TIMESTAMP_WORDS }, (_, i) => Math.floor(timestamp / 32 ** (6 - i)) % 32);
  const words = concat(seconds, ...fields.map(writeField));
  const { signature: compact, recovery } = sign(digestOf(prefix, words));
  return encodeBech32({ prefix, words: concat(words, wordsOf(concat(compact, Uint8Array.of(recovery)))) });
};

/** Writes and signs an invoice, in lower case. Throws InvoiceError for a value that does not fit its field. */
export const encodeInvoice = (draft: InvoiceDraft, sign: InvoiceSigner): string =>
  encodeFields({ ...draft, amount: draft.amount }, fieldsOf(draft), sign);

/** What a payer's checks by BOLT 11 depend on. */
export interface Payer {
  readonly network: ChainName;
  /** Seconds since 1970. */
  readonly now: number;
  /** The features that we support for an invoice, as `ourFeatures('9')` makes them. */
  readonly features: Uint8Array;
}

/** Why an invoice must not be paid. */
export type UnpayableReason =
  | { readonly code: 'other_network'; readonly invoice: ChainName; readonly ours: ChainName }
  /** `at` in seconds since 1970. */
  | { readonly code: 'expired'; readonly at: number }
  | { readonly code: 'missing_payment_secret' }
  | { readonly code: 'feature'; readonly problem: FeatureFault };

/** All reasons why an invoice must not be paid; empty where it may be. */
export const checkPayable = (invoice: Invoice, payer: Payer): readonly UnpayableReason[] => {
  const found: UnpayableReason[] = [];
  if (invoice.network !== payer.network)
    found.push({ code: 'other_network', invoice: invoice.network, ours: payer.network });
  const at = invoice.timestamp + invoice.expiry;
  if (payer.now > at) found.push({ code: 'expired', at });
  if (invoice.paymentSecret === undefined) found.push({ code: 'missing_payment_secret' });
  const problem = unmetFeature(payer.features, invoice.features) ?? missingDependency(invoice.features);
  if (problem !== undefined) found.push({ code: 'feature', problem });
  return found;
};
