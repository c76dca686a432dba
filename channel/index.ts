/**
 * `ampere/channel`: a channel of two parties (BOLT 2, 3 and 5) as one pure function: `transition` takes a state, an input and what may be
 * known of the world, and gives the next state with effects to perform in order. Whoever calls it saves, sends, funds and watches.
 */

export { claimWitness } from './claims/claimwitness.ts';
export { type ChannelFeatures, type ChannelType, preferredType } from './model/channeltype.ts';
// What a channel wants from the chain, and the witness of each claim.
export type { BumpClaim, Claim, ClaimReason, HtlcClaim, ReadyClaim, SweepClaim, UnsignedClaim } from './model/claim.ts';
// Faults, and what BOLT 2 lets a node do about each.
export { ChannelError, type Fault, faultText, type Reaction, reactions } from './model/errors.ts';
export type {
  AcceptRequest,
  ChannelEvent,
  ChannelMessage,
  ChannelMessageName,
  ChannelMessageOf,
  CloseType,
  Context,
  Effect,
  Input,
  LocalLimits,
  OfferRefusal,
  OpenRequest,
  Resolution,
  Step,
} from './model/io.ts';

// Its records in a store, and the state that comes back from them.
export { channelChanges, pastAt, records, restore } from './model/persist.ts';
export type { ChannelState, Core, Funded, Htlc, Opening, Params, PastHtlc, StaticChannel } from './model/state.ts';
export { type Wait, waitLimits } from './model/waitlimits.ts';
export { recoverChannel } from './phases/recover.ts';
// The machine: how it begins, goes on, and says what it would like next.
export { acceptChannel, openChannel, transition, wantsToSign, whenIdle } from './phases/transition.ts';
// What fits, and what is waited for.
export { MAX_HTLCS, receivable, spendable } from './rules/limits.ts';
export { awaitedFromPeer, secondsOf } from './rules/waits.ts';
export { buildClosing, buildLegacyClosing, type Closing, type ClosingContent, closingFee } from './tx/closingtx.ts';
export {
  buildCommitment,
  type Commitment,
  type CommitmentContent,
  type CommitmentHtlc,
  type CommitmentOutput,
} from './tx/commitment.ts';
export { type CommitmentFormat, commitmentFee, formats } from './tx/commitmentformats.ts';
export { channelIdOf, fundingOutputScript, fundingScript, type Outpoint } from './tx/funding.ts';
// Keys, secrets and transactions of a channel (BOLT 3).
export {
  type Basepoints,
  basepointsOf,
  type ChannelSecrets,
  type CommitmentKeys,
  channelSecrets,
  commitmentKeys,
  derivePoint,
  deriveSecret,
  obscuringFactor,
  revocationPoint,
  revocationSecret,
} from './tx/keys.ts';
export {
  insertSecret,
  perCommitmentPoint,
  perCommitmentSecret,
  receivedSecret,
  SecretError,
  type SecretStore,
} from './tx/secrets.ts';
export { type OneInput, type Output, type Spent, txidOf, unsigned } from './tx/transaction.ts';
