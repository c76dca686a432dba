/**
 * Who reads the extra onion blobs: a protocol number's handlers, for a hop that forwards and for the final one. A program
 * adds a protocol by adding a row to a map; a number without a handler fails the HTLC with `invalid_realm`.
 */
import type { Failure, MalformedFailure } from './failures.ts';
import type { Extra, Frame } from './frame.ts';
import type { Opened } from './packet.ts';
import type { FinalPayload, ForwardPayload } from './payload.ts';

/** What a handler makes of blobs: a meaning, or the failure to send back. */
export type Reading<T> = { readonly accept: T } | { readonly refuse: Failure };

/** One EOB protocol. A position without a handler is refused with `invalid_realm`. */
export interface EobProtocol<Final, Note> {
  /** For people: logs, `getinfo`. */
  readonly name: string;
  /** Reads what a final hop was sent; the meaning decides what becomes of the HTLC. */
  readonly final?: (frame: Frame, extra: Extra) => Reading<Final>;
  /** Reads what a forwarder was sent; the note goes to the application and the HTLC goes on. */
  readonly forward?: (frame: Frame, extra: Extra) => Reading<Note>;
}

/** Protocol number (1..15) to protocol. `Final` and `Note` are what its handlers accept things as. */
export type Registry<Final, Note> = ReadonlyMap<number, EobProtocol<Final, Note>>;

/** What a final hop holds, by how it was told. */
export type FinalHop<Final> =
  /** A 65-byte frame and no blobs: an amount, an expiry, nothing else. */
  | { readonly form: 'frame'; readonly amtToForward: FinalPayload['amtToForward']; readonly outgoingCltvValue: number }
  | {
      readonly form: 'eob';
      readonly amtToForward: FinalPayload['amtToForward'];
      readonly outgoingCltvValue: number;
      readonly protocol: number;
      readonly meaning: Final;
    }
  | ({ readonly form: 'tlv' } & FinalPayload);

/** A received onion, read as far as this node can without looking at the HTLC it came with. */
export type Hop<Final, Note> =
  /** Answer with `update_fail_malformed_htlc`. */
  | { readonly kind: 'malformed'; readonly failure: MalformedFailure }
  /** Answer with `update_fail_htlc`, the failure encrypted to the origin. */
  | ({ readonly kind: 'refused'; readonly failure: Failure } & Opened)
  | ({
      readonly kind: 'forward';
      readonly payload: ForwardPayload;
      /** What a forwarder's EOB handler read; undefined when the hop had no blobs. */
      readonly note: { readonly protocol: number; readonly value: Note } | undefined;
      /** The packet for the next node. */
      readonly next: Uint8Array;
    } & Opened)
  | ({ readonly kind: 'final'; readonly payload: FinalHop<Final> } & Opened);
