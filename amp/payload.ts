/**
 * Between the onion and the receiving machine: the EOB protocols amp/ reads at a final hop, and what the machine is told of
 * any final payload. A payload that needs something not spoken here is refused as BOLT 4 says for an even record.
 */

import type { Reading } from '../onion/failuremessages.ts';
import type { EobProtocol, FinalHop } from '../onion/registry.ts';
import type { FinalPayload } from './io.ts';
import type { Schemes } from './scheme.ts';
import { decodeBlob, type ShareBlob } from './shares.ts';

/** What a final hop reads in the frame and blobs of an AMP. */
export interface EobAmp {
  /** By its name in the table of schemes. */
  readonly scheme: string;
  /** 11 bytes. */
  readonly paymentId: Uint8Array;
  readonly blobs: readonly ShareBlob[];
}

/** Rows for the onion's registry, by protocol number. None of these protocols has anything to say to a forwarder. */
export const ampProtocols = (schemes: Schemes): ReadonlyMap<number, EobProtocol<EobAmp, never>> =>
  new Map(
    [...schemes.values()].map(({ name: scheme, protocol }) => [
      protocol,
      {
        name: `amp ${scheme}`,
        final: (_frame, { paymentId, blobs }) => ({ accept: { scheme, paymentId, blobs: blobs.map(decodeBlob) } }),
      },
    ]),
  );

/** What the receiving machine is told of a final hop's payload, or the failure for the whole HTLC. */
export const finalPayload = (hop: FinalHop<EobAmp>): Reading<FinalPayload> => {
  const { amtToForward: amount, outgoingCltvValue: expiry } = hop;
  switch (hop.form) {
    case 'eob':
      return { accept: { kind: 'eob', amount, expiry, ...hop.meaning } };
    case 'frame':
      return { accept: { kind: 'ordinary', amount, expiry, paymentSecret: undefined, total: undefined } };
    case 'tlv': {
      const { paymentData } = hop;
      const data = { paymentSecret: paymentData?.paymentSecret, total: paymentData?.totalMsat };
      // With both records it is an AMP, as for lnd.
      if (hop.amp !== undefined) return { accept: { kind: 'deployed', amount, expiry, ...data, ...hop.amp } };
      if (hop.keysend !== undefined) {
        const keysend = { preimage: hop.keysend, extraTlvs: hop.custom ?? [] };
        return { accept: { kind: 'ordinary', amount, expiry, ...data, total: data.total ?? amount, keysend } };
      }
      return { accept: { kind: 'ordinary', amount, expiry, ...data } };
    }
  }
};
