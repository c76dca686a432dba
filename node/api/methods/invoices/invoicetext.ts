/**
 * What people paste where an invoice is expected: invoices in the URIs of wallets, and things that are no invoice of BOLT 11, which
 * are named, so that nobody looks for a mistyped letter in something that was never one.
 */

import { equal, utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto.ts';
import { hasBit } from '../../../../wire/features.ts';
import { InvoiceError } from '../../../../wire/invoice/errors.ts';
import { decodeInvoice, type Invoice } from '../../../../wire/invoice.ts';
import { ApiError } from '../../errors.ts';

/** A URI's query, whose names count in any case. */
const queryOf = (query: string): ReadonlyMap<string, string> =>
  new Map([...new URLSearchParams(query)].map(([name, value]) => [name.toLowerCase(), value]));

/** What is in a `bitcoin:` URI (BIP 21), where the address is for those who cannot pay the invoice beside it. */
const inBitcoinUri = (rest: string): string | undefined => {
  const query = queryOf(rest.slice(rest.indexOf('?') + 1));
  return rest.includes('?') ? (query.get('lightning') ?? query.get('lno')) : undefined;
};

/** A text without the URI around it: `lightning:`, `lightning://`, or the invoice in a `bitcoin:` URI. */
const bare = (text: string): string => {
  const [, scheme = '', rest = ''] = /^(lightning|bitcoin):(?:\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  if (scheme === '') return text.trim();
  if (scheme.toLowerCase() === 'bitcoin') return inBitcoinUri(rest) ?? text.trim();
  return rest.replace(/[?/].*$/s, '').trim();
};

const NODE_ID = '0[23][0-9a-f]{64}';

/** What is no invoice, by how it looks, and what can be done with it. In this order: what is longer comes first. */
const others: readonly (readonly [looks: RegExp, what: string])[] = [
  [/^lno1/i, 'an offer of BOLT 12, which this node cannot pay; ask the payee for an invoice of BOLT 11'],
  [/^lni1/i, 'an invoice of BOLT 12, which this node cannot pay; ask the payee for an invoice of BOLT 11'],
  [/^lnr1/i, 'an invoice_request of BOLT 12, which this node does not answer'],
  [/^(lnurl1|lnurl[pwc]?:|keyauth:)/i, 'an LNURL: a wallet that knows those gets the invoice behind it'],
  [/^clnemerg1/i, "an emergency backup of Core Lightning's"],
  [new RegExp(`^${NODE_ID}@`, 'i'), 'the address of a node (see connect)'],
  [new RegExp(`^${NODE_ID}$`, 'i'), 'the id of a node (see connect and keysend)'],
  [/^[^\s@:/]+@[^\s@:/]+\.[a-z]{2,}$/i, 'a Lightning address: a wallet that knows LNURL gets an invoice for it'],
  [/^bitcoin:/i, 'a bitcoin: URI without an invoice (see withdraw for its address)'],
  [/^(bc|tb|bcrt)1[02-9ac-hj-np-z]+$/i, 'an address of the chain (see withdraw)'],
  [/^[123mn][1-9A-HJ-NP-Za-km-z]{25,34}$/, 'an address of the chain (see withdraw)'],
  [/^(cHNidP|70736274ff)/, 'a partially signed transaction (PSBT), which this node does not read'],
  [/^0[123]000000([0-9a-f]{2}){20,}$/i, 'a transaction, which this node does not read'],
  [/^[0-9a-f]{64}$/i, '32 bytes, as a payment_hash, a preimage, a txid or a channel_id has'],
  [/^\d+x\d+x\d+$/, 'a short_channel_id (see listchannels)'],
];

/** What a text is that is no invoice; undefined where nobody can tell. */
const otherThanInvoice = (text: string): string | undefined => others.find(([looks]) => looks.test(text))?.[1];

/** An invoice somebody gave, and its text alone. Throws ApiError that says what is wrong with it, or what it is instead. */
export const parseInvoiceText = (
  field: string,
  given: string,
): { readonly invoice: Invoice; readonly text: string } => {
  const text = bare(given);
  try {
    return { invoice: decodeInvoice(text), text };
  } catch (error) {
    if (!(error instanceof InvoiceError)) throw error;
    const what = otherThanInvoice(text);
    throw new ApiError(
      'invalid_params',
      what === undefined ? `${field}: ${error.message}` : `${field}: expected an invoice of BOLT 11; this is ${what}`,
      { field },
    );
  }
};

/** An invoice somebody gave. Throws ApiError that says what is wrong with it, or what it is instead. */
export const readInvoice = (field: string, given: string): Invoice => parseInvoiceText(field, given).invoice;

/** The feature bits that an invoice asks of its payer to be paid by AMP. */
const EOB_AMP_BITS = 170;
const LND_AMP_BITS = 30;

/** Which AMP an invoice asks for, by its feature bits. */
export const ampOf = (features: Uint8Array): 'eob' | 'deployed' | undefined => {
  if (hasBit(features, EOB_AMP_BITS)) return 'eob';
  return hasBit(features, LND_AMP_BITS) ? 'deployed' : undefined;
};

/** What the payment is for. A caller's own words must be those that the payee has signed the hash of (BOLT 11, `h`). Throws ApiError. */
export const descriptionOf = (
  { description, descriptionHash }: Invoice,
  given: string | undefined,
): string | undefined => {
  if (given === undefined || given === description) return description;
  if (descriptionHash === undefined)
    throw new ApiError('invalid_params', 'description: the invoice has one of its own, leave it out');
  if (!equal(sha256(utf8(given)), descriptionHash))
    throw new ApiError('invalid_params', 'description: the invoice has the hash of another one');
  return given;
};
