/**
 * EOB protocols: the handlers that read extra onion blobs, for a hop that forwards and for the final one. A program adds a protocol by
 * adding a row. An unknown number fails the HTLC with `invalid_realm`, a known one without a handler for this hop with
 * `invalid_onion_payload`, so that a payer can tell the two apart.
 */

import type { Msat } from '../wire/units.ts';
import type { Extra, Frame } from './eobframe.ts';
import { type Failure, invalidSignal, type MalformedFailure, type Reading } from './failuremessages.ts';
import type { AuthenticatedHop, Peeled } from './packet.ts';
import { type FinalPayload, type ForwardPayload, readFinal, readForward } from './payload.ts';

/** One EOB protocol. A position without a handler is refused with `invalid_onion_payload`. */
export interface EobProtocol<Final, Note> {
  /** Name for logs. */
  readonly name: string;
  /** Reads the blobs of a final hop; the receiving side decides about the HTLC by what it accepts. */
  readonly final?: (frame: Frame, extra: Extra) => Reading<Final>;
  /** Reads the blobs of a forwarder; the program is given what it accepts, and may decide about the HTLC. */
  readonly forward?: (frame: Frame, extra: Extra) => Reading<Note>;
}

/** Protocols by number, 1..15. `Final` and `Note` are the types that their handlers accept. */
export type Registry<Final, Note> = ReadonlyMap<number, EobProtocol<Final, Note>>;

/** The payload of a final hop, by its format. */
export type FinalHop<Final> =
  /** A 65-byte frame without blobs: only an amount and an expiry. */
  | { readonly form: 'frame'; readonly amtToForward: Msat; readonly outgoingCltvValue: number }
  | {
      readonly form: 'eob';
      readonly amtToForward: Msat;
      readonly outgoingCltvValue: number;
      readonly protocol: number;
      readonly meaning: Final;
    }
  | ({ readonly form: 'tlv' } & FinalPayload);

/** The payload of a forwarder. */
export interface Forwarding<Note> {
  readonly payload: ForwardPayload;
  /** What a handler read from the hop's blobs; undefined where there were none. */
  readonly note: { readonly protocol: number; readonly value: Note } | undefined;
}

/** A received onion, read as far as that is possible without its HTLC. */
export type Hop<Final, Note> =
  /** Answer with `update_fail_malformed_htlc`. */
  | { readonly kind: 'malformed'; readonly failure: MalformedFailure }
  /** Answer with `update_fail_htlc`, the failure encrypted to the origin. */
  | ({ readonly kind: 'refused'; readonly failure: Failure } & AuthenticatedHop)
  /** `next` is the packet for the next node. */
  | ({ readonly kind: 'forward'; readonly next: Uint8Array } & Forwarding<Note> & AuthenticatedHop)
  | ({ readonly kind: 'final'; readonly payload: FinalHop<Final> } & AuthenticatedHop);

const invalidRealm = { refuse: { name: 'invalid_realm' } } as const;

/** The failure for blobs that no handler reads at this hop. */
const unread = (protocol: EobProtocol<unknown, unknown> | undefined): { readonly refuse: Failure } =>
  protocol === undefined ? invalidRealm : invalidSignal;

const forwardFrame = <Note>(registry: Registry<unknown, Note>, frame: Frame): Reading<Forwarding<Note>> => {
  const { extra, ...payload } = frame;
  if (extra === undefined) return { accept: { payload, note: undefined } };
  const protocol = registry.get(extra.protocol);
  const read = protocol?.forward?.(frame, extra) ?? unread(protocol);
  return 'refuse' in read ? read : { accept: { payload, note: { protocol: extra.protocol, value: read.accept } } };
};

const finalFrame = <Final>(registry: Registry<Final, unknown>, frame: Frame): Reading<FinalHop<Final>> => {
  const { extra, amtToForward, outgoingCltvValue } = frame;
  if (extra === undefined) return { accept: { form: 'frame', amtToForward, outgoingCltvValue } };
  const { protocol } = extra;
  const reader = registry.get(protocol);
  const read = reader?.final?.(frame, extra) ?? unread(reader);
  return 'refuse' in read
    ? read
    : { accept: { form: 'eob', amtToForward, outgoingCltvValue, protocol, meaning: read.accept } };
};

const forwardStream = (stream: Uint8Array): Reading<Forwarding<never>> => {
  const read = readForward(stream);
  return 'refuse' in read ? read : { accept: { payload: read.accept, note: undefined } };
};

const finalStream = (stream: Uint8Array): Reading<FinalHop<never>> => {
  const read = readFinal(stream);
  return 'refuse' in read ? read : { accept: { form: 'tlv', ...read.accept } };
};

/**
 * Reads the hop data of a peeled onion: validates the frame or TLV payload for a forwarder or a final hop, and reads blobs with the
 * handlers of the registry. No contents of the packet make it throw, unless a handler throws.
 */
export const readHop = <Final, Note>(registry: Registry<Final, Note>, peeled: Peeled): Hop<Final, Note> => {
  if (peeled.kind === 'malformed' || peeled.kind === 'refused') return peeled;
  const { sharedSecret, replayTag, data } = peeled;
  const opened = { sharedSecret, replayTag };
  if (peeled.kind === 'final') {
    const read = data.kind === 'frame' ? finalFrame(registry, data.frame) : finalStream(data.stream);
    return 'refuse' in read
      ? { kind: 'refused', failure: read.refuse, ...opened }
      : { kind: 'final', payload: read.accept, ...opened };
  }
  const read = data.kind === 'frame' ? forwardFrame(registry, data.frame) : forwardStream(data.stream);
  return 'refuse' in read
    ? { kind: 'refused', failure: read.refuse, ...opened }
    : { kind: 'forward', ...read.accept, next: peeled.next, ...opened };
};
