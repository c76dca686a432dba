/**
 * The whole channel as one pure function: the same state and input give the same step. It has no clock, no sockets, no
 * randomness. Whatever a step changes of what must survive a crash is saved before anything else of the step happens:
 * that is decided here, once, so no phase can forget it.
 */
import { printableText } from '../../wire/printable.ts';
import { ChannelError } from '../model/errors.ts';
import type { ChannelMessage, Context, Effect, Input, OfferRefusal, Step } from '../model/io.ts';
import { channelChanges } from '../model/persist.ts';
import type { ChannelState, Closed, Core, Failed, Funded, Negotiating, Onchain } from '../model/state.ts';
import { canPrepareKeys, canSign, prepareKeys } from '../rules/commitmentupdates.ts';
import { offerRefused, replayEvents, report, send } from '../rules/effects.ts';
import { noteRefusedFee } from '../rules/feerefused.ts';
import { acknowledge } from '../rules/htlcs.ts';
import { readyEvent } from '../rules/lockin.ts';
import { messagesToResend, reestablishMessage, reestablishWithoutState } from '../rules/reestablish.ts';
import { escalate, noteClose } from '../rules/waits.ts';
import { onRemoteCommitmentInMempool } from './anchorcpfp.ts';
import { broadcastAgreedClosing, broadcastExits, onClosingOffered } from './exits.ts';
import { disconnect, onBlock, onPeerOverdue, reactToFault, repeatError } from './failing.ts';
import { followUp } from './follow.ts';
import { beginRound, changeFeerates, onClosingSigned } from './negotiation.ts';
import { openStep } from './normaloperation.ts';
import {
  acknowledgeOnchain,
  learnPreimage,
  onOutputSpent,
  onOutputUnspent,
  onPastLoaded,
  onSpent,
  onUnspent,
  restoredOnchain,
} from './onchain.ts';
import { openingStep, watchFunding } from './opening.ts';
import { failIfRefused, onPeerError } from './peererror.ts';
import { checkScript, closeRefusal } from './shutdown.ts';
import { forgetUnfunded, onDisplaced, onDoubleSpent, onFundingDepth, onUnconfirmed } from './unfunded.ts';

export { acceptChannel, openChannel } from './opening.ts';

/** One step of a channel. Never throws for anything a peer, the chain or a caller may bring. */
export const transition = (state: ChannelState, input: Input, context: Context): Step => {
  const tip = input.type === 'block' ? input.height : context.height;
  const [stepped, effectsSoFar] = guarded(state, input, context, tip);
  const [next, effects] = followUp(state, [noteClose(stepped, tip), effectsSoFar], input, {
    height: tip,
    feerate: context.feerate,
  });
  const changes = channelChanges(state, next);
  return changes.length === 0 ? [next, effects] : [next, [{ do: 'save', changes }, ...effects]];
};

const guarded = (state: ChannelState, input: Input, context: Context, tip: number): Step => {
  try {
    return step(state, input, context);
  } catch (error) {
    if (error instanceof ChannelError)
      return reactToFault(noteRefusedFee(state, error.fault, tip), escalate(state, error.fault, tip, context));
    throw error;
  }
};

/** Whether the input `sign` would send a signature. */
export const wantsToSign = (state: ChannelState): boolean => state.phase === 'open' && canSign(state.core);

/** The next input of an idle channel: sign pending updates, then derive the next keys, then nothing. */
export const whenIdle = (state: ChannelState): Input | undefined => {
  if (wantsToSign(state)) return { type: 'sign' };
  return state.phase === 'open' && canPrepareKeys(state.core) ? { type: 'prepare' } : undefined;
};

const step = (state: ChannelState, input: Input, context: Context): Step => {
  if (input.type === 'message' && input.message.name === 'warning')
    return [state, [report({ event: 'warned', text: printableText(input.message.data) })]];
  if (input.type === 'message' && input.message.name === 'error') {
    const text = printableText(input.message.data);
    if ('core' in state) return onPeerError(state, text, context);
    throw new ChannelError({ code: 'peer_error', text });
  }
  if (input.type === 'overdue') return onPeerOverdue(state, input);
  if (input.type === 'offer' && state.phase !== 'open')
    return [state, [offerRefused(input.origin, offerRefusalIn(state))]];
  if (state.phase === 'abandoned') return [state, []];
  if ('core' in state) return fundedStep(state, input, context);
  return openingStep(state, input);
};

const offerRefusalIn = ({ phase }: ChannelState): OfferRefusal => {
  switch (phase) {
    case 'negotiating':
      return { code: 'shutting_down' };
    case 'failed':
    case 'onchain':
    case 'closed':
    case 'abandoned':
      return { code: 'closed' };
    default:
      return { code: 'not_ready' };
  }
};

/** Inputs that every funded channel handles alike; the rest goes to its phase. */
const fundedStep = (state: Funded, input: Input, context: Context): Step => {
  switch (input.type) {
    case 'connected':
      return connect(state, input.features);
    case 'disconnected':
      return disconnect(state);
    case 'restored':
      return [state.phase === 'onchain' ? restoredOnchain(state) : state, onRestored(state, context)];
    case 'block':
      return forgetUnfunded(state, input.height) ?? onBlock(state, input.height, context);
    case 'funding_depth':
      return onFundingDepth(state, input);
    case 'funding_unconfirmed':
      return onUnconfirmed(state);
    case 'displaced':
      return onDisplaced(state);
    case 'funding_double_spent':
      return onDoubleSpent(state, input);
    case 'funding_spent':
      return onSpent(state, input);
    case 'funding_unspent':
      return state.phase === 'onchain' ? onUnspent(state) : [state, []];
    case 'closing_offered':
      return state.phase === 'negotiating' || state.phase === 'failed'
        ? [onClosingOffered(state, input.taken, context.height), [report({ event: 'closing_offered' })]]
        : [state, []];
    case 'close': {
      const why = closeRefusal(state, input.script);
      return why === undefined ? phaseStep(state, input, context) : [state, [report({ event: 'close_refused', why })]];
    }
    case 'prepare':
      return [{ ...state, core: prepareKeys(state.core) }, []];
    case 'force_close':
      throw new ChannelError({ code: 'force_close' });
    default:
      return phaseStep(state, input, context);
  }
};

const phaseStep = (state: Funded, input: Input, context: Context): Step => {
  switch (state.phase) {
    case 'open':
      return openStep(state, input, context);
    case 'negotiating':
      return negotiatingStep(state, input, context);
    case 'failed':
      if (input.type === 'output_spent') return [onRemoteCommitmentInMempool(state, input), []];
      return input.type === 'message' ? [state, [repeatError(state.core, state)]] : givenUpStep(state, input);
    case 'onchain':
      return onchainStep(state, input);
    case 'closed':
      // A peer that reestablishes a closed channel missed the close: repeat the error.
      return isReestablish(input)
        ? [state, [repeatError(state.core, { why: 'the channel is closed' })]]
        : givenUpStep(state, input);
  }
};

const isReestablish = (input: Input): boolean =>
  input.type === 'message' && input.message.name === 'channel_reestablish';

const withCore = <S extends Funded>(state: S, core: Core): Step => [
  core === state.core ? state : { ...state, core },
  [],
];

/** Whether the resolution of an outgoing HTLC was reported in this run. */
const wasTold = (state: Failed | Onchain | Closed, id: bigint): boolean => {
  if (state.phase === 'closed') return false;
  return state.phase === 'onchain' ? state.chainView.reported.has(id) : state.reported?.has(id) === true;
};

/** Inputs of the node to a channel that no longer talks to its peer. */
const givenUpStep = (state: Failed | Onchain | Closed, input: Input): Step => {
  switch (input.type) {
    case 'acknowledge':
      return withCore(state, acknowledgeOnchain(state.core, input.id, wasTold(state, input.id)));
    case 'fulfill':
      return withCore(state, learnPreimage(state.core, input.id, input.preimage));
    default:
      return [state, []];
  }
};

const onchainStep = (state: Onchain, input: Input): Step => {
  switch (input.type) {
    case 'output_spent':
      return [onOutputSpent(state, input), []];
    case 'output_unspent':
      return [onOutputUnspent(state, input), []];
    case 'past_loaded':
      return [onPastLoaded(state, input), []];
    case 'message':
      return [state, isReestablish(input) ? [repeatError(state.core, state.before)] : []];
    default:
      return givenUpStep(state, input);
  }
};

/** The peer reconnected: a failed channel repeats its error, one that is open sends channel_reestablish (BOLT 2). */
const connect = (state: Funded, features: Extract<Input, { type: 'connected' }>['features']): Step => {
  const [gone, dropped] = disconnect(state);
  const { link, head } = gone.core;
  const core: Core = {
    ...gone.core,
    link: { status: 'syncing', features, known: head.signedIn, peerError: link.peerError },
  };
  const next = { ...gone, core };
  if (next.phase === 'failed') {
    // With lost state we ask the peer to close: by channel_reestablish for commitment 0, which every peer obeys, then by error.
    const told = next.outdated ? [send(reestablishWithoutState(core))] : [];
    return [next, [...dropped, ...told, repeatError(core, next)]];
  }
  // The chain tells the peer. It hears our error where it asks for the channel; unasked, some end the connection at it, each time, and
  // no other channel with them could be used until this one is over.
  if (next.phase === 'onchain' || next.phase === 'closed') return [next, dropped];
  return [next, [...dropped, send(reestablishMessage(core))]];
};

/** After a restart: watch and broadcast again, and replay the events that the node may not have handled. */
const onRestored = (state: Funded, context: Context): readonly Effect[] => {
  const { core } = state;
  const watch = state.phase === 'closed' ? [] : [watchFunding(core)];
  const about = {
    givenUp: state.phase === 'failed' || state.phase === 'onchain',
    closing: state.phase === 'open' && state.shutdown.sent,
  };
  const told = state.phase === 'closed' ? [] : replayEvents(core, about, context);
  switch (state.phase) {
    case 'open': {
      const tx = core.fundingTx;
      const funding: readonly Effect[] = tx.length > 0 ? [{ do: 'broadcast', tx, why: 'funding' }] : [];
      return [...watch, ...funding, ...readyEvent(core), ...told];
    }
    case 'negotiating':
      return [...watch, ...told, ...broadcastAgreedClosing(state)];
    case 'failed':
      return [...watch, ...broadcastExits(state), ...told];
    case 'onchain':
    case 'closed':
      return [...watch, ...told];
  }
};

const negotiatingStep = (state: Negotiating, input: Input, context: Context): Step => {
  if (input.type === 'acknowledge') return withCore(state, acknowledge(state.core, input.id));
  if (input.type === 'close' && input.feerates !== undefined) return changeFeerates(state, input.feerates, context);
  return input.type === 'message' ? onNegotiatingMessage(state, input.message, context) : [state, []];
};

const onNegotiatingMessage = (state: Negotiating, message: ChannelMessage, context: Context): Step => {
  const { core, round } = state;
  const { link } = core;
  if (link.status === 'offline') return [state, []];
  if (message.name === 'channel_reestablish' && link.status === 'syncing') {
    const lost = messagesToResend(core, message);
    failIfRefused(core);
    const next: Negotiating = { ...state, core: { ...core, link: { status: 'online', features: link.features } } };
    const shutdown: ChannelMessage = { name: 'shutdown', channel_id: core.channelId, scriptpubkey: state.ours };
    return [next, [...lost, shutdown].map(send)];
  }
  if (link.status === 'online') {
    if (message.name === 'shutdown') {
      checkScript(core, message.scriptpubkey, state.theirs);
      return round === undefined ? beginRound(state, context) : [state, []];
    }
    if (message.name === 'closing_signed') return onClosingSigned(state, message, context);
    if (message.name === 'channel_ready') return [state, []];
  }
  throw new ChannelError({ code: 'unexpected_message', message: message.name, phase: state.phase });
};
