/**
 * Between the onion and the receiving machine: the EOB protocols amp/ reads at a final hop, and what the machine is told of
 * any final payload. A payload that needs something not spoken here is refused as BOLT 4 says for an even record.
 */

import type { Extra, Frame } from '../onion/eobframe.ts';
import type { EobProtocol, FinalHop } from '../onion/eobprotocols.ts';
import type { Reading } from '../onion/failuremessages.ts';
import type { Composer } from './extras.ts';
import type { FinalPayload } from './io.ts';
import type { Scheme, Schemes } from './scheme.ts';
import { decodeBlob, type ShareBlob } from './shares.ts';

/** What a final hop reads in the frame and blobs of an AMP. */
export interface EobAmp {
  /** By its name in the table of schemes. */
  readonly scheme: string;
  /** 11 bytes. */
  readonly paymentId: Uint8Array;
  readonly blobs: readonly ShareBlob[];
  /** What a protocol of the program read behind the AMP's blob, for the program. */
  readonly note?: unknown;
}

/** An EOB protocol of the program that runs a node: how its blobs are read, and which of them the node adds to its own payments. */
export type OwnProtocol = EobProtocol<EobAmp, unknown> & Partial<Composer>;

/**
 * The `final` of a protocol whose blobs reach the destination of an AMP: the frame's first blob is the AMP's, of this scheme, and
 * `read` is given the others. What it accepts goes to the program as a note.
 */
export const besideAmp =
  (
    { name: scheme }: Pick<Scheme, 'name'>,
    read: (frame: Frame, extra: Extra) => Reading<unknown>,
  ): NonNullable<OwnProtocol['final']> =>
  (frame, extra) => {
    const [first, ...blobs] = extra.blobs;
    if (first === undefined) return { refuse: { name: 'invalid_realm' } };
    const own = read(frame, { ...extra, blobs });
    if ('refuse' in own) return own;
    return { accept: { scheme, paymentId: extra.paymentId, blobs: [decodeBlob(first)], note: own.accept } };
  };

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
    case 'eob': {
      const { scheme, paymentId, blobs } = hop.meaning;
      return { accept: { kind: 'eob', amount, expiry, scheme, paymentId, blobs } };
    }
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
