/** What the program that runs a node is told of the blobs that its EOB protocols read, and what it may answer. */
import type { EobAmp } from '../../amp/payload.ts';
import type { FinalHop } from '../../onion/eobprotocols.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import type { Msat, PaymentHash, Point, ShortChannelId } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';

/** What an EOB protocol of the program read. */
interface Note {
  /** EOB protocol, 1..15. */
  readonly protocol: number;
  /** What the protocol's handler accepted the blobs as. */
  readonly value: unknown;
  readonly paymentHash: PaymentHash;
}

/** An HTLC that a peer offered. */
export interface NotedIncoming {
  readonly peer: Point;
  /** Of its channel; an alias where the channel has no other. */
  readonly shortChannelId: ShortChannelId | undefined;
  /** The HTLC's id in that channel. */
  readonly id: bigint;
  readonly amount: Msat;
  /** cltv_expiry, a block height. */
  readonly expiry: number;
}

/** What a forwarder's hop in an onion had for the program. */
export interface ForwardNote extends Note {
  readonly incoming: NotedIncoming;
  /** The HTLC that the onion asks this node to offer. */
  readonly outgoing: {
    readonly peer: Point;
    /** As the onion names the channel. */
    readonly shortChannelId: ShortChannelId;
    readonly amount: Msat;
    readonly expiry: number;
  };
}

/** What the destination's hop in an onion had for the program. The HTLC is one of an AMP and need not be claimed in the end. */
export interface FinalNote extends Note {
  readonly incoming: NotedIncoming;
}

/** Nothing: the HTLC goes on. A failure (BOLT 4) of at most 256 bytes: it goes back with that. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that only listens returns nothing.
export type ForwardAnswer = { readonly refuse: Failure } | undefined | void;

/**
 * Decides about an HTLC before it is forwarded. While a promise is open the HTLC is held: until it could not be forwarded in time any
 * more, after which it is failed with `expiry_too_soon`. After a restart the handler is asked again. If it throws, the HTLC is failed.
 * At most 1,000 HTLCs are held at once, and 100 of one incoming channel: others are failed, and the handler is not asked.
 */
export type ForwardNoteHandler = (note: ForwardNote) => ForwardAnswer | Promise<ForwardAnswer>;

/** Told of the blobs at the destination; after a restart it may be told again. What it throws is logged and changes nothing. */
export type FinalNoteHandler = (note: FinalNote) => void;

/** Tells the program what one of its protocols read at the destination, if one did. */
export const tellFinalNote = (
  { onFinalNote, limitedLog }: { readonly onFinalNote: FinalNoteHandler; readonly limitedLog: Log },
  channel: string,
  { protocol, meaning }: Extract<FinalHop<EobAmp>, { form: 'eob' }>,
  paymentHash: PaymentHash,
  incoming: NotedIncoming,
): void => {
  if (meaning.note === undefined) return;
  try {
    onFinalNote({ protocol, value: meaning.note, paymentHash, incoming });
  } catch (error) {
    limitedLog.error(
      { channel, htlc: `${incoming.id}`, protocol, error },
      'onFinalNote of the program failed; the HTLC is received all the same',
    );
  }
};
