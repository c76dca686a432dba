/**
 * `ampere/onion`: packets of 1,366 bytes (BOLT 4) whose hops read a TLV payload or a frame of 65 bytes with extra onion blobs (EOBs)
 * behind it, and the failures that come back. Nothing here has state.
 */

// Building a packet and peeling it.
export { construct, hopSize } from './construct.ts';
// Frames and their blobs.
export {
  type Extra,
  FRAME_LENGTH,
  type Frame,
  frameSize,
  MAX_BLOBS,
  PAYMENT_ID_LENGTH,
  readSignal,
  type Signal,
  writeSignal,
} from './eobframe.ts';
// EOB protocols: who reads which blobs.
export { type EobProtocol, type FinalHop, type Forwarding, type Hop, type Registry, readHop } from './eobprotocols.ts';
export { OnionError, type OnionFault } from './errors.ts';
// Failures: their table, and the encryption that leads them back to the payer.
export {
  decodeFailure,
  encodeFailure,
  type Failure,
  type FailureName,
  type FailureOf,
  failureCode,
  failureNameOf,
  failures,
  type KnownFailure,
  type MalformedFailure,
  type Reading,
  type UnknownFailure,
} from './failuremessages.ts';
export { createFailure, type ReturnedFailure, readFailure, wrapFailure } from './failureonion.ts';
export { sessionKeyFrom } from './keys.ts';
export {
  type AuthenticatedHop,
  type BuiltOnion,
  type ConstructInput,
  HOPS_LENGTH,
  type HopData,
  type OnionHop,
  PACKET_LENGTH,
  type Peeled,
  type PeelInput,
} from './packet.ts';
// TLV payloads.
export {
  type AmpRecord,
  type FinalPayload,
  type ForwardPayload,
  type PaymentData,
  readFinal,
  readForward,
  writeFinal,
  writeForward,
} from './payload.ts';
export { peel } from './peel.ts';
