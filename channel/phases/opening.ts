/**
 * Opening a channel (BOLT 2, "Channel Establishment v1"), both roles, up to the first commitments. Nothing is saved before
 * those are signed: after an earlier disconnect the opening starts again, and no coins have moved.
 */

import { Transaction } from 'bitcoinjs-lib';
import { equal } from '../../wire/bytes.ts';
import { type Point, type Signature, txid } from '../../wire/units.ts';
import { channelTypeBits, preferredType } from '../model/channeltype.ts';
import { firstSpec, newCore } from '../model/core.ts';
import { ChannelError, type Fault } from '../model/errors.ts';
import type { AcceptRequest, ChannelMessageOf, Context, Effect, Input, OpenRequest, Step } from '../model/io.ts';
import type {
  Abandoned,
  AwaitingAccept,
  AwaitingFunding,
  AwaitingFundingCreated,
  AwaitingFundingSigned,
  Core,
  Opening,
  OpeningTerms,
  Params,
  Proposal,
} from '../model/state.ts';
import { commitmentOf, localKeys, remoteKeys } from '../rules/commitmentupdates.ts';
import { errorMessage, report } from '../rules/effects.ts';
import { commitmentFeerate } from '../rules/fees.ts';
import { minimumDepthOf } from '../rules/lockin.ts';
import {
  acceptedType,
  acceptTerms,
  announces,
  checkAgainstReply,
  checkExcess,
  checkProposal,
  localTerms,
  openTerms,
} from '../rules/terms.ts';
import { formats } from '../tx/commitmentformats.ts';
import { channelIdOf, fundingOutputScript, type Outpoint } from '../tx/funding.ts';
import { basepointsOf, deriveSecret, secretsOf } from '../tx/keys.ts';
import { perCommitmentPoint } from '../tx/secrets.ts';
import { signCommitment, verifyCommitment } from '../tx/signing.ts';
import { unsigned } from '../tx/transaction.ts';

/** Ends an opening; `tell`: with an error to the peer. */
export const abandonOpening = (state: Opening, fault: Fault, tell: boolean): Step => {
  const { key, temporaryChannelId } = state.phase === 'awaiting_accept' ? state.proposal : state.params;
  const channel_id = state.phase === 'awaiting_funding_signed' ? channelIdOf(state.funding) : temporaryChannelId;
  const next: Abandoned = { phase: 'abandoned', key, fault };
  const error: Effect = { do: 'send', message: errorMessage(channel_id, fault) };
  return [next, [...(tell ? [error] : []), report({ event: 'abandoned', fault })]];
};

const upfrontOf = (request: OpenRequest | AcceptRequest): Uint8Array | undefined =>
  request.upfront && request.features.upfrontShutdown ? request.shutdownScript : undefined;

/** The fields that open_channel and accept_channel share. */
const termsFields = (terms: OpeningTerms, first: Point, type: Uint8Array) => ({
  dust_limit_satoshis: terms.dustLimit,
  max_htlc_value_in_flight_msat: terms.maxHtlcValueInFlight,
  channel_reserve_satoshis: terms.reserve,
  htlc_minimum_msat: terms.htlcMinimum,
  to_self_delay: terms.toSelfDelay,
  max_accepted_htlcs: terms.maxAcceptedHtlcs,
  funding_pubkey: terms.basepoints.funding,
  revocation_basepoint: terms.basepoints.revocation,
  payment_basepoint: terms.basepoints.payment,
  delayed_payment_basepoint: terms.basepoints.delayedPayment,
  htlc_basepoint: terms.basepoints.htlc,
  first_per_commitment_point: first,
  upfront_shutdown_script: terms.upfrontScript ?? new Uint8Array(),
  channel_type: type,
});

/** What both kinds of request say of a proposal. */
const common = (request: OpenRequest | AcceptRequest, context: Context) => ({
  key: request.key,
  peer: request.peer,
  chainHash: request.chainHash,
  seed: request.seed,
  ...(request.forced && { forced: request.forced }),
  alias: request.alias,
  shutdownScript: request.shutdownScript,
  since: context.height,
});

/** Proposes a channel: `open_channel`. What the rules refuse is abandoned at once. */
export const openChannel = (request: OpenRequest, context: Context): Step => {
  const secrets = secretsOf(request);
  const { format, scidAlias } = request.channelType ?? preferredType(request.features);
  const proposal: Proposal = {
    ...common(request, context),
    role: 'funder',
    temporaryChannelId: request.temporaryChannelId,
    capacity: request.amount,
    push: request.push,
    feerate: request.feerate ?? commitmentFeerate(formats[format], context),
    announce: request.announce,
    format,
    scidAliasType: scidAlias,
    local: localTerms(
      { ...request.limits, minimumDepth: 0 },
      basepointsOf(secrets),
      request.amount,
      upfrontOf(request),
    ),
  };
  const { features, fundingFeerate } = request;
  const state: AwaitingAccept = { phase: 'awaiting_accept', proposal, fundingFeerate, features };
  try {
    checkProposal(proposal, features);
  } catch (error) {
    if (error instanceof ChannelError) return abandonOpening(state, error.fault, false);
    throw error;
  }
  const message: ChannelMessageOf<'open_channel'> = {
    name: 'open_channel',
    chain_hash: proposal.chainHash,
    temporary_channel_id: proposal.temporaryChannelId,
    funding_satoshis: proposal.capacity,
    push_msat: proposal.push,
    feerate_per_kw: proposal.feerate,
    channel_flags: proposal.announce ? 1 : 0,
    ...termsFields(proposal.local, perCommitmentPoint(secrets.perCommitmentSeed, 0), channelTypeBits(proposal)),
  };
  return [state, [{ do: 'send', message }]];
};

/** Answers a peer's `open_channel`: `accept_channel`, or an `error` and an abandoned state. */
export const acceptChannel = (
  message: ChannelMessageOf<'open_channel'>,
  request: AcceptRequest,
  context: Context,
): Step => {
  try {
    return accept(message, request, context);
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    const { fault } = error;
    const reply: Effect = { do: 'send', message: errorMessage(message.temporary_channel_id, fault) };
    return [{ phase: 'abandoned', key: request.key, fault }, [reply, report({ event: 'abandoned', fault })]];
  }
};

const accept = (message: ChannelMessageOf<'open_channel'>, request: AcceptRequest, context: Context): Step => {
  const { features } = request;
  const remote = openTerms(message, request, context);
  const { format, scidAlias } = acceptedType(message, request);
  const secrets = secretsOf(request);
  const capacity = message.funding_satoshis;
  const params: Params = {
    ...common(request, context),
    role: 'fundee',
    temporaryChannelId: message.temporary_channel_id,
    capacity,
    push: message.push_msat,
    feerate: message.feerate_per_kw,
    announce: announces(message.channel_flags),
    format,
    scidAliasType: scidAlias,
    local: localTerms(request.limits, basepointsOf(secrets), capacity, upfrontOf(request), remote.dustLimit),
    remote,
  };
  checkAgainstReply(remote, params.local);
  checkExcess(params, context);
  const reply: ChannelMessageOf<'accept_channel'> = {
    name: 'accept_channel',
    temporary_channel_id: params.temporaryChannelId,
    minimum_depth: params.local.minimumDepth,
    ...termsFields(params.local, perCommitmentPoint(secrets.perCommitmentSeed, 0), channelTypeBits(params)),
  };
  const remotePoint = message.first_per_commitment_point;
  const state: AwaitingFundingCreated = { phase: 'awaiting_funding_created', params, remotePoint, features };
  return [state, [{ do: 'send', message: reply }]];
};

/** The funding output's script, 34 bytes. */
export const fundingScriptOf = ({ local, remote }: Params): Uint8Array =>
  fundingOutputScript(local.basepoints.funding, remote.basepoints.funding);

/** Asks the node to watch the funding output. */
export const watchFunding = ({ params, funding }: Pick<Core, 'params' | 'funding'>): Effect => ({
  do: 'watch_funding',
  txid: funding.txid,
  output: funding.index,
  amount: params.capacity,
  script: fundingScriptOf(params),
  depth: minimumDepthOf(params),
});

const onAccept = (state: AwaitingAccept, message: ChannelMessageOf<'accept_channel'>): Step => {
  const { proposal, features, fundingFeerate } = state;
  const params: Params = { ...proposal, remote: acceptTerms(message, proposal, features) };
  const remotePoint = message.first_per_commitment_point;
  const next: AwaitingFunding = { phase: 'awaiting_funding', params, remotePoint, features };
  return [next, [{ do: 'fund', amount: params.capacity, script: fundingScriptOf(params), feerate: fundingFeerate }]];
};

/** The outpoint that pays a channel of these parameters. Throws ChannelError when the transaction does not. */
const fundingOutpoint = (params: Params, tx: Uint8Array, output: number): Outpoint => {
  const transaction = Transaction.fromBuffer(tx);
  const paid = transaction.outs[output];
  if (paid === undefined || paid.value !== params.capacity || !equal(paid.script, fundingScriptOf(params)))
    throw new ChannelError({ code: 'wrong_funding_output' });
  return { txid: txid(Uint8Array.from(transaction.getHash())), index: output };
};

/** Our signature of the peer's first commitment. */
const signFirst = (params: Params, funding: Outpoint, remotePoint: Point): Signature => {
  const secrets = secretsOf(params);
  const commitment = commitmentOf(
    { params, funding },
    'remote',
    0,
    remoteKeys({ params }, remotePoint),
    firstSpec(params),
  );
  return signCommitment(commitment, { funding: secrets.funding, htlc: deriveSecret(secrets.htlc, remotePoint) })
    .signature;
};

/** Throws ChannelError when this is not the peer's signature of our first commitment. */
const verifyFirst = (params: Params, funding: Outpoint, signature: Signature): void => {
  const { perCommitmentSeed } = secretsOf(params);
  const keys = localKeys({ params }, perCommitmentSeed, 0);
  const commitment = commitmentOf({ params, funding }, 'local', 0, keys, firstSpec(params));
  if (verifyCommitment(commitment, { signature, htlcSignatures: [] }) !== undefined)
    throw new ChannelError({ code: 'invalid_funding_signature', tx: unsigned(commitment.transaction) });
};

const onFunding = (state: AwaitingFunding, tx: Uint8Array, output: number): Step => {
  const { params, remotePoint, features } = state;
  const funding = fundingOutpoint(params, tx, output);
  const message: ChannelMessageOf<'funding_created'> = {
    name: 'funding_created',
    temporary_channel_id: params.temporaryChannelId,
    funding_txid: funding.txid,
    funding_output_index: funding.index,
    signature: signFirst(params, funding, remotePoint),
  };
  const next: AwaitingFundingSigned = {
    phase: 'awaiting_funding_signed',
    params,
    remotePoint,
    features,
    funding,
    fundingTx: tx,
  };
  return [next, [{ do: 'send', message }]];
};

const opened = (core: Core): Step => [
  { phase: 'open', core, shutdown: { ours: undefined, sent: false, theirs: undefined, feerates: undefined } },
  [watchFunding(core), report({ event: 'opening', channelId: core.channelId, funding: core.funding })],
];

const onFundingCreated = (state: AwaitingFundingCreated, message: ChannelMessageOf<'funding_created'>): Step => {
  const { params, remotePoint, features } = state;
  const funding: Outpoint = { txid: message.funding_txid, index: message.funding_output_index };
  verifyFirst(params, funding, message.signature);
  const signatures = { commitment: message.signature, htlcs: [] };
  const core = newCore(params, funding, remotePoint, signatures, new Uint8Array(), features);
  const reply: ChannelMessageOf<'funding_signed'> = {
    name: 'funding_signed',
    channel_id: core.channelId,
    signature: signFirst(params, funding, remotePoint),
  };
  const [next, effects] = opened(core);
  return [next, [{ do: 'send', message: reply }, ...effects]];
};

const onFundingSigned = (state: AwaitingFundingSigned, message: ChannelMessageOf<'funding_signed'>): Step => {
  const { params, funding, remotePoint, fundingTx, features } = state;
  verifyFirst(params, funding, message.signature);
  const signatures = { commitment: message.signature, htlcs: [] };
  const core = newCore(params, funding, remotePoint, signatures, fundingTx, features);
  const [next, effects] = opened(core);
  return [next, [{ do: 'broadcast', tx: fundingTx, why: 'funding' }, ...effects]];
};

/** A step of an opening; faults are thrown as ChannelError. Errors and warnings of the peer are not for here. */
export const openingStep = (state: Opening, input: Input): Step => {
  if (input.type === 'disconnected') return abandonOpening(state, { code: 'disconnected_while_opening' }, false);
  if (input.type === 'message') {
    const { message } = input;
    if (state.phase === 'awaiting_accept' && message.name === 'accept_channel') return onAccept(state, message);
    if (state.phase === 'awaiting_funding_created' && message.name === 'funding_created')
      return onFundingCreated(state, message);
    if (state.phase === 'awaiting_funding_signed' && message.name === 'funding_signed')
      return onFundingSigned(state, message);
    throw new ChannelError({ code: 'unexpected_message', message: message.name, phase: state.phase });
  }
  if (state.phase === 'awaiting_funding') {
    if (input.type === 'funding_created_by_wallet') return onFunding(state, input.tx, input.output);
    if (input.type === 'funding_refused')
      return abandonOpening(state, { code: 'funding_refused', reason: input.reason }, true);
  }
  if (input.type === 'displaced' && state.phase === 'awaiting_funding_created')
    return abandonOpening(state, { code: 'funding_unseen' }, true);
  if (input.type === 'close' || input.type === 'force_close')
    return abandonOpening(state, { code: 'force_close' }, true);
  return [state, []];
};
