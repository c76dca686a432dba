/** Why a text is no invoice, or a draft cannot become one: a code and its data. */
import type { Bech32Fault } from '../bech32.ts';

export type InvoiceFault =
  /** BIP 173 does not read it. */
  | { readonly code: 'not_bech32'; readonly reason: Bech32Fault }
  | { readonly code: 'text_too_long'; readonly length: number; readonly limit: number }
  /** Not `ln` and a chain we know. */
  | { readonly code: 'unknown_prefix'; readonly prefix: string }
  | { readonly code: 'bad_amount'; readonly amount: string }
  | { readonly code: 'unknown_multiplier'; readonly amount: string }
  | { readonly code: 'sub_millisatoshi'; readonly amount: string }
  /** No room for the timestamp and the signature. */
  | { readonly code: 'too_short'; readonly words: number; readonly least: number }
  | { readonly code: 'truncated_field'; readonly field: string; readonly wanted: number; readonly left: number }
  | { readonly code: 'not_minimal'; readonly field: string }
  | { readonly code: 'bad_field'; readonly field: string; readonly reason: string }
  | { readonly code: 'field_too_long'; readonly field: string; readonly words: number; readonly limit: number }
  | { readonly code: 'missing_field'; readonly field: string }
  | { readonly code: 'both_descriptions' }
  /** Belongs to nobody, or not to the payee the `n` field names. */
  | { readonly code: 'bad_signature' };

const reasons: Readonly<Record<Bech32Fault, string>> = {
  mixed_case: 'upper and lower case are mixed',
  no_separator: "there is no '1' after a human-readable part",
  bad_checksum: 'the checksum is wrong (a mistyped or missing character?)',
};

const describe = (fault: InvoiceFault): string => {
  switch (fault.code) {
    case 'not_bech32':
      return reasons[fault.reason];
    case 'text_too_long':
      return `${fault.length} characters, at most ${fault.limit} are read`;
    case 'unknown_prefix':
      return `'${fault.prefix}' is not the prefix of a chain known here (lnbc, lntb, lntbs, lnbcrt)`;
    case 'bad_amount':
      return `amount '${fault.amount}' is not a positive number without leading zeros up to 21 million bitcoin`;
    case 'unknown_multiplier':
      return `amount '${fault.amount}' ends in none of m, u, n, p`;
    case 'sub_millisatoshi':
      return `amount '${fault.amount}' is not a whole number of millisatoshi`;
    case 'too_short':
      return `${fault.words} words of data, timestamp and signature alone take ${fault.least}`;
    case 'truncated_field':
      return `${fault.field}: expected ${fault.wanted} words, ${fault.left} left`;
    case 'not_minimal':
      return `${fault.field}: begins with a zero word`;
    case 'bad_field':
      return `${fault.field}: ${fault.reason}`;
    case 'field_too_long':
      return `${fault.field}: ${fault.words} words, at most ${fault.limit} fit`;
    case 'missing_field':
      return `${fault.field}: missing`;
    case 'both_descriptions':
      return 'd (description) and h (description hash) exclude each other';
    case 'bad_signature':
      return 'the signature is not valid for the payee';
  }
};

/** A text that is no invoice of BOLT 11, or a draft that cannot be written as one. `fault` says which rule it breaks. */
export class InvoiceError extends Error {
  override readonly name = 'InvoiceError';
  readonly fault: InvoiceFault;
  constructor(fault: InvoiceFault) {
    super(`invoice: ${describe(fault)}`);
    this.fault = fault;
  }
}
