/**
 * Who reads the extra onion blobs: a protocol number's handlers, for a hop that forwards and for the final one. A program
 * adds a protocol by adding a row to a map. An unknown number fails the HTLC with `invalid_realm`, one that is known and has
 * no place at this hop with `invalid_onion_payload`: so a payer can tell a node that cannot read it from one that need not.
 */

import type { Msat } from '../wire/units.ts';
import type { Extra, Frame } from './eobframe.ts';
import { type Failure, invalidSignal, type MalformedFailure, type Reading } from './failuremessages.ts';
import type { AuthenticatedHop, Peeled } from './packet.ts';
import { type FinalPayload, type ForwardPayload, readFinal, readForward } from './payload.ts';

/** One EOB protocol. A position without a handler is refused with `invalid_onion_payload`. */
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
  | { readonly form: 'frame'; readonly amtToForward: Msat; readonly outgoingCltvValue: number }
  | {
      readonly form: 'eob';
      readonly amtToForward: Msat;
      readonly outgoingCltvValue: number;
      readonly protocol: number;
      readonly meaning: Final;
    }
  | ({ readonly form: 'tlv' } & FinalPayload);

/** What a forwarder is told. */
export interface Forwarding<Note> {
  readonly payload: ForwardPayload;
  /** What a handler made of the hop's blobs; undefined when it had none. */
  readonly note: { readonly protocol: number; readonly value: Note } | undefined;
}

/** A received onion, read as far as this node can without looking at the HTLC it came with. */
export type Hop<Final, Note> =
  /** Answer with `update_fail_malformed_htlc`. */
  | { readonly kind: 'malformed'; readonly failure: MalformedFailure }
  /** Answer with `update_fail_htlc`, the failure encrypted to the origin. */
  | ({ readonly kind: 'refused'; readonly failure: Failure } & AuthenticatedHop)
  /** `next` is the packet for the next node. */
  | ({ readonly kind: 'forward'; readonly next: Uint8Array } & Forwarding<Note> & AuthenticatedHop)
  | ({ readonly kind: 'final'; readonly payload: FinalHop<Final> } & AuthenticatedHop);

const invalidRealm = { refuse: { name: 'invalid_realm' } } as const;

/** The refusal of blobs that no handler reads here. */
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
 * What a peeled onion asks of this node: the frame or TLV payload validated for where this hop stands, blobs read by the
 * registry's handlers. Never throws for anything the packet says.
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
