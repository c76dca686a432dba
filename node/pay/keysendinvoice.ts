/** The invoice record that a keysend gets when it arrives, so that it is found where other received payments are. */
import type { PaidInvoice } from '../../amp/events.ts';
import { zeros } from '../../wire/bytes.ts';
import type { RawRecord } from '../../wire/tlv.ts';
import { paymentHash } from '../../wire/units.ts';
import type { InvoiceRecord } from './invoicerecord.ts';

/** Bytes of a description that an invoice holds (BOLT 11). */
const MOST_DESCRIPTION = 639;

const readText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** The longest of the records that are texts, as Core Lightning describes a keysend; control characters are left out. */
const descriptionOf = (records: readonly RawRecord[]): string => {
  let longest = '';
  for (const { value } of records) {
    const said = value.length <= MOST_DESCRIPTION ? (readText(value) ?? '') : '';
    if (said.length > longest.length) longest = said;
  }
  const shown = longest.replace(/\p{Cc}/gu, '');
  return shown === '' ? 'keysend' : `keysend: ${shown}`;
};

/** The record of a keysend, still unpaid, under the number `createdIndex`, which also makes its label unique. */
export const keysendInvoice = (
  { set, at, preimages: [preimage] }: PaidInvoice,
  extraTlvs: readonly RawRecord[],
  createdIndex: bigint,
): InvoiceRecord => ({
  label: `keysend-${at}.${createdIndex}`,
  kind: 'ordinary',
  bolt11: '',
  description: descriptionOf(extraTlvs),
  amount: undefined,
  paymentHash: paymentHash(set),
  paymentSecret: zeros(32),
  preimage,
  minFinalCltv: 0,
  createdIndex,
  expiresAt: at,
  paid: undefined,
  extraTlvs,
});
