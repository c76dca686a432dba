/**
 * `ampere/amp`: payments of many HTLCs. Schemes make and join shares, strategies cut amounts, and two machines, one for a payment out
 * and one for all that comes in, are pure functions of state, input and context that give a new state and effects.
 */

export { cut, cutByWindows, cutEqually, cutInHalves, halve } from './cut.ts';
// What both report.
export type {
  HtlcKey,
  PaidInvoice,
  PaymentEvent,
  PaymentFailure,
  PaymentTotals,
  ReceiverEvent,
  Refusal,
  SetView,
  ShardFailure,
} from './events.ts';
export { type ComposedPayment, type ComposedShard, type Composer, type HopBlobs, toBlobs } from './extras.ts';
export { dynamic, fixed } from './fixeddynamic.ts';
export { type GrowingPolynomial, interpolate, noPolynomial, type PolynomialPoint, withPoint } from './gf256.ts';
export type {
  AmpRequest,
  DeployedRequest,
  FinalPayload,
  InvoiceTerms,
  OrdinaryRequest,
  Outcome,
  PaymentContext,
  PaymentEffect,
  PaymentInput,
  PaymentRequest,
  PaymentTerms,
  ReceiverContext,
  ReceiverEffect,
  ReceiverInput,
} from './io.ts';
export { defaultLimits, type ReceiverLimits } from './limits.ts';
// EOB protocols beside an AMP's, and what a payment brings the hops of its routes.
export { ampProtocols, besideAmp, type EobAmp, finalPayload, type OwnProtocol } from './payload.ts';
export { newPayment, type Payment } from './payment.ts';
export { paymentTables, restorePayment } from './paymentstore.ts';
export { receiverChanges, restoreReceiver } from './receiverstore.ts';
// Payments in, as a machine.
export { listSets, type ReceiverStep, receive } from './receiving.ts';
export { failureOf, refusals } from './refusals.ts';
export type { Direction, Hop, Outlet, Route } from './route.ts';
// Share schemes: what one is, those there are, and what they are made of.
export type { ReceivedShares, Scheme, Schemes, SenderState, ShardShares, Share, Verdict } from './scheme.ts';
export { defaultScheme, schemeNames, schemes, withSchemes } from './schemes.ts';
// A payment out, as a machine.
export { type PaymentStep, pay } from './sending.ts';
export { emptyReceiver, type Receiver } from './sets.ts';
export { type Child, child, decodeBlob, derive, encodeBlob, joined, SHARE_LENGTH, type ShareBlob } from './shares.ts';
export { defaultStrategy, strategies, strategyNames, withStrategies } from './strategies.ts';
// Strategies: what one is, those there are, and ways to cut that one of your own can begin with.
export type { CutRefusal, CutWish, Piece, Strategies, Strategy } from './strategy.ts';
export { threshold } from './threshold.ts';
export { tree } from './tree.ts';
