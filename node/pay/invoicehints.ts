/** What an invoice says of the ways to its payee, for payments of it: as it is given, and as a restart finds it with the payment's record. */
import { InvoiceError } from '../../wire/invoice/errors.ts';
import { decodeInvoice, type Invoice } from '../../wire/invoice.ts';
import type { Hint } from '../graph/routecontext.ts';
import type { beginning } from './paymentparts.ts';
import type { PaymentRecord } from './paymentrecord.ts';

/** The ways into the payee's private channels, each hop as an edge. */
export const hintsOf = (invoice: Invoice): readonly Hint[] =>
  invoice.routes.flatMap((route) =>
    route.map((hop, i) => ({
      from: hop.pubkey,
      to: route[i + 1]?.pubkey ?? invoice.payee,
      scid: hop.short_channel_id,
      feeBase: hop.fee_base_msat,
      feeProportional: hop.fee_proportional_millionths,
      cltvExpiryDelta: hop.cltv_expiry_delta,
    })),
  );

/** Unix seconds from which on an invoice can no longer be paid. */
export const expiryOf = ({ timestamp, expiry }: Invoice): number => timestamp + expiry;

/** What is known of a payment that was begun before the node was started: its peers are expected back, and its invoice is on record. */
export const resumedTerms = (
  record: Pick<PaymentRecord, 'bolt11' | 'prefer'> | undefined,
): Parameters<typeof beginning>[3] => {
  const known = { hints: [], countsOnPeers: true, prefer: record?.prefer } as const;
  if (record?.bolt11 === undefined) return known;
  try {
    const invoice = decodeInvoice(record.bolt11);
    return { ...known, hints: hintsOf(invoice), expiresAt: expiryOf(invoice) };
  } catch (error) {
    // One that today's rules refuse was taken by those of the version that began the payment: it goes on without hints.
    if (error instanceof InvoiceError) return known;
    throw error;
  }
};
